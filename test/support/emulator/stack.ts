import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { kebab, LANES, pascal, SCHEDULED } from '../../../infra/aws/lanes.mjs';
import type { Emulator } from './emulator.ts';

/** The result of `npm run package`, in a temporary folder. */
export interface Packaged {
  readonly folder: string;
  /** The size of each bundle, as the command prints it. */
  readonly printed: string;
  remove(): Promise<void>;
}

/** A deployed stack. Lanes are named as in infra/aws/lanes.mjs. */
export interface Stack {
  readonly name: string;
  readonly bucket: string;
  /** The root of the functions, without the slash at its end. */
  readonly root: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly topicArn: string;
  readonly queueUrls: Readonly<Record<string, string>>;
  readonly deadLetterUrls: Readonly<Record<string, string>>;
  readonly functionNames: Readonly<Record<string, string>>;
}

/** In the environment of all workers: the folder of a package that all files of a run deploy. */
export const PACKAGE_FOLDER = 'STOWAGE_TEST_PACKAGE';

const ROOT = resolve(import.meta.dirname, '../../..');
/** Beside the package: what the command printed. */
const PRINTED = 'printed.txt';
const WAIT_SECONDS_MAX = 120;
const CREATE = 'cloudformation-template-create-stack.json';
const UPDATE = 'cloudformation-template-update-stack.json';

const Template = z.object({
  Resources: z.record(
    z.string(),
    z.object({
      Type: z.string(),
      Properties: z.looseObject({ Code: z.object({ S3Key: z.string() }).optional() }).optional(),
    }),
  ),
});

/** The package that package-once.ts has made for all files of this run, else a new one. */
export async function packageStack(): Promise<Packaged> {
  const folder = process.env[PACKAGE_FOLDER];
  if (folder === undefined) return packageNew();
  const printed = await readFile(join(folder, PRINTED), 'utf8');
  return { folder, printed, remove: async () => undefined };
}

/** Runs `npm run package`. @throws when a bundle is too large, or osls fails. */
export async function packageNew(): Promise<Packaged> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-package-'));
  const command = [join(ROOT, 'infra/build/package.ts'), '--package', folder];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: ROOT });
  await writeFile(join(folder, PRINTED), stdout);
  return { folder, printed: stdout, remove: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * Deploys as osls and docs/deploy-aws.md do: first the bucket for the code, then the whole stack.
 */
export async function deployStack(
  emulator: Emulator,
  { folder }: Packaged,
  { name, parameters }: { name: string; parameters: Readonly<Record<string, string>> },
): Promise<Stack> {
  const client = new CloudFormationClient(clientOptions(emulator));
  const waiting = { client, maxWaitTime: WAIT_SECONDS_MAX, minDelay: 1, maxDelay: 1 };
  const TemplateBody = await readFile(join(folder, CREATE), 'utf8');
  await client.send(new CreateStackCommand({ StackName: name, TemplateBody }));
  await waitUntilStackCreateComplete(waiting, { StackName: name });
  const codeBucket = (await resourcesOf(client, name)).get('ServerlessDeploymentBucket') ?? '';
  const key = await uploadCode(emulator, folder, codeBucket);
  await client.send(
    new UpdateStackCommand({
      StackName: name,
      TemplateURL: `${emulator.endpoint}/${codeBucket}/${key}`,
      Capabilities: ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'],
      Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
        ParameterKey,
        ParameterValue,
      })),
    }),
  );
  await waitUntilStackUpdateComplete(waiting, { StackName: name });
  return describe(client, name, parameters);
}

/** Uploads the zips to the keys in the template, and the template. @returns the template's key. */
async function uploadCode(emulator: Emulator, folder: string, Bucket: string): Promise<string> {
  const s3 = new S3Client({ ...clientOptions(emulator), forcePathStyle: true });
  const text = await readFile(join(folder, UPDATE), 'utf8');
  const { Resources } = Template.parse(JSON.parse(text));
  const keys = Object.values(Resources).flatMap(({ Properties }) => Properties?.Code?.S3Key ?? []);
  for (const Key of keys)
    await s3.send(
      new PutObjectCommand({ Bucket, Key, Body: await readFile(join(folder, basename(Key))) }),
    );
  await s3.send(new PutObjectCommand({ Bucket, Key: UPDATE, Body: text }));
  return UPDATE;
}

async function describe(
  client: CloudFormationClient,
  name: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Stack> {
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
  const outputs = Object.fromEntries(
    (Stacks[0]?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [
      OutputKey,
      OutputValue,
    ]),
  );
  const physical = await resourcesOf(client, name);
  const ofLanes = (suffix: string) =>
    Object.fromEntries(
      LANES.map((lane) => [lane.name, physical.get(pascal(lane.name) + suffix) ?? '']),
    );
  return {
    name,
    bucket: parameters['BucketName'] ?? '',
    root: (outputs['Root'] ?? '').replace(/\/$/, ''),
    outputs,
    topicArn: outputs['AnnouncementsTopic'] ?? '',
    queueUrls: ofLanes('Queue'),
    deadLetterUrls: ofLanes('DeadLetters'),
    functionNames: Object.fromEntries(
      [...LANES, ...SCHEDULED].map((lane) => [lane.name, `${name}-${kebab(lane.name)}`]),
    ),
  };
}

async function resourcesOf(
  client: CloudFormationClient,
  name: string,
): Promise<Map<string, string>> {
  const { StackResources = [] } = await client.send(
    new DescribeStackResourcesCommand({ StackName: name }),
  );
  return new Map(
    StackResources.map(({ LogicalResourceId = '', PhysicalResourceId = '' }) => [
      LogicalResourceId,
      PhysicalResourceId,
    ]),
  );
}

/** For any client of the SDK. */
export function clientOptions({ endpoint, region, env }: Emulator) {
  return {
    endpoint,
    region,
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  };
}
