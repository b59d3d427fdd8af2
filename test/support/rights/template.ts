import { readFile } from 'node:fs/promises';
import { type CollectionTag, parse, type ScalarTag } from 'yaml';
import * as z from 'zod';
import { RIGHTS } from '../../../infra/aws/rights.mjs';
import { roleOf } from '../../../infra/aws/roles.mjs';

/** A value of a CloudFormation template whose functions are not resolved yet. */
type Unresolved = z.infer<ReturnType<typeof z.json>>;

/** What a deployment sets: name → value of parameters and resources, name → condition. */
export interface Deployment {
  readonly values: Readonly<Record<string, string>>;
  readonly conditions: Readonly<Record<string, boolean>>;
}

const Template = z.object({
  Resources: z.record(z.string(), z.object({ Type: z.string(), Properties: z.json().optional() })),
});
export type Template = z.infer<typeof Template>;

/** The bucket policy and one role per entry of RIGHTS, as serverless.yml includes them. */
export async function securityTemplate(): Promise<Template> {
  const text = await readFile(BUCKET_POLICY, 'utf8');
  const policy = Template.parse(parse(text, { customTags: TAGS }) as unknown);
  const roles = Object.keys(RIGHTS).map((name): [string, unknown] => [`${name}Role`, roleOf(name)]);
  return Template.parse({ Resources: { ...policy.Resources, ...Object.fromEntries(roles) } });
}

/** Reads a packaged template. */
export async function readTemplate(path: string): Promise<Template> {
  return Template.parse(JSON.parse(await readFile(path, 'utf8')));
}

const BUCKET_POLICY = new URL('../../../infra/aws/resources/bucket-policy.yml', import.meta.url);

/** The short forms of functions: `!Sub x` means `{ 'Fn::Sub': x }`. */
const TAGS: (ScalarTag | CollectionTag)[] = [
  { tag: '!Ref', resolve: (text: string) => ({ Ref: text }) },
  { tag: '!Sub', resolve: (text: string) => ({ 'Fn::Sub': text }) },
  { tag: '!GetAtt', resolve: (text: string) => ({ 'Fn::GetAtt': text.split('.') }) },
  {
    tag: '!If',
    collection: 'seq',
    resolve: (items) => ({ 'Fn::If': (items as unknown as { toJSON(): unknown }).toJSON() }),
  },
];

/**
 * The value that CloudFormation computes; undefined for AWS::NoValue.
 * @throws for an unknown function or name
 */
export function resolve(value: Unresolved, at: Deployment): unknown {
  if (Array.isArray(value))
    return value.map((item) => resolve(item, at)).filter((item) => item !== undefined);
  if (typeof value !== 'object' || value === null) return value;
  const [[name, argument] = ['', null], ...more] = Object.entries(value);
  if (more.length === 0 && (name === 'Ref' || name.startsWith('Fn::')))
    return call(name, argument, at);
  const entries = Object.entries(value).map(([key, item]) => [key, resolve(item, at)] as const);
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

function call(name: string, argument: Unresolved, at: Deployment): unknown {
  switch (name) {
    case 'Ref':
      return argument === 'AWS::NoValue' ? undefined : known(String(argument), at);
    case 'Fn::GetAtt':
      return known(Array.isArray(argument) ? argument.join('.') : String(argument), at);
    case 'Fn::If': {
      const [condition, then, otherwise] = z
        .tuple([z.string(), z.json(), z.json()])
        .parse(argument);
      const holds = at.conditions[condition];
      if (holds === undefined) throw new Error(`the deployment has no condition ${condition}`);
      return resolve(holds ? then : otherwise, at);
    }
    case 'Fn::Sub': {
      const [text, names] = Array.isArray(argument) ? [argument[0], argument[1]] : [argument, {}];
      const own = z.record(z.string(), z.string()).parse(resolve(names ?? {}, at));
      return String(text).replaceAll(
        /\$\{([^}]+)\}/g,
        (_, key: string) => own[key] ?? known(key, at),
      );
    }
    default:
      throw new Error(`the tests do not implement the function ${name}`);
  }
}

function known(name: string, { values }: Deployment): string {
  const value = values[name];
  if (value === undefined) throw new Error(`the deployment has no value for ${name}`);
  return value;
}
