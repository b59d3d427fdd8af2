import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LANES, pascal, SCHEDULED } from '../../infra/aws/lanes.mjs';
import { type Packaged, packageStack } from '../support/emulator/stack.ts';
import { withRepeats } from '../support/repeats/repeats.ts';

const LINT = resolve(import.meta.dirname, '../../.venv/bin/cfn-lint');

/** Findings about text that osls always generates. */
const IGNORED = [
  // DependsOn beside a reference that implies it.
  'W3005',
];

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

describe('the packaged template', () => {
  let packaged: Packaged;
  let resources: Readonly<Record<string, Resource>>;

  beforeAll(async () => {
    packaged = await packageStack();
    const text = await readFile(
      join(packaged.folder, 'cloudformation-template-update-stack.json'),
      'utf8',
    );
    resources = (JSON.parse(text) as { Resources: typeof resources }).Resources;
  });
  afterAll(() => packaged?.remove());

  test
    .skipIf(!existsSync(LINT))
    .each([
      'cloudformation-template-create-stack.json',
      'cloudformation-template-update-stack.json',
    ])('%s has no error and no warning', async (name) => {
    const regions = withRepeats(['eu-central-1'], ['us-east-1', 'ap-southeast-2']);
    const args = [
      '--ignore-checks',
      ...IGNORED,
      '--regions',
      ...regions,
      '--',
      join(packaged.folder, name),
    ];
    const { stdout } = await promisify(execFile)(LINT, args).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe('');
  });

  test('the visibility timeout of a queue is six times the timeout of its function', () => {
    for (const { name } of LANES) {
      const timeout = Number(resources[`${pascal(name)}LambdaFunction`]?.Properties['Timeout']);
      const visibility = Number(resources[`${pascal(name)}Queue`]?.Properties['VisibilityTimeout']);
      expect(timeout).toBeGreaterThan(0);
      expect(visibility).toBeGreaterThanOrEqual(6 * timeout);
    }
  });

  test('every function has a log with a retention time, and runs on arm64 and Node 24', () => {
    const functions = Object.entries(resources).filter(
      ([, { Type }]) => Type === 'AWS::Lambda::Function',
    );
    expect(functions).toHaveLength(LANES.length + SCHEDULED.length);
    for (const [id, { Properties }] of functions) {
      expect(Properties).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'] });
      const log = resources[id.replace(/LambdaFunction$/, 'LogGroup')];
      expect(log?.Properties['RetentionInDays']).toEqual({ Ref: 'LogRetentionDays' });
    }
  });

  test('every queue is encrypted and accepts TLS only', () => {
    const queues = Object.entries(resources).filter(([, { Type }]) => Type === 'AWS::SQS::Queue');
    expect(queues).toHaveLength(LANES.length * 2);
    for (const [id, { Properties }] of queues) {
      expect(Properties['SqsManagedSseEnabled']).toBe(true);
      expect(JSON.stringify(resources[`${id}Policy`]?.Properties)).toContain(
        '{"Bool":{"aws:SecureTransport":"false"}}',
      );
    }
  });
});
