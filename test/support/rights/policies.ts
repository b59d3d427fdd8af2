import * as z from 'zod';
import { type Deployment, resolve, type Template } from './template.ts';

const OneOrMore = z
  .string()
  .or(z.array(z.string()))
  .transform((value) => (typeof value === 'string' ? [value] : value));

const Statement = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Principal: z.literal('*').optional(),
  Action: OneOrMore,
  Resource: OneOrMore,
  Condition: z.record(z.string(), z.record(z.string(), OneOrMore)).optional(),
});
export type Statement = z.infer<typeof Statement>;

const Role = z.object({
  Policies: z.array(z.object({ PolicyDocument: z.object({ Statement: z.array(Statement) }) })),
});
const BucketPolicy = z.object({ PolicyDocument: z.object({ Statement: z.array(Statement) }) });

export interface Policies {
  /** By name of the role, without `Role`. */
  readonly roles: ReadonlyMap<string, readonly Statement[]>;
  readonly bucket: readonly Statement[];
}

/** The statements of the roles and of the bucket policy of a template, for one deployment. */
export function policiesOf(template: Template, deployment: Deployment): Policies {
  const roles = new Map<string, Statement[]>();
  const bucket: Statement[] = [];
  for (const [name, { Type, Properties = null }] of Object.entries(template.Resources)) {
    if (Type === 'AWS::IAM::Role') {
      const { Policies } = Role.parse(resolve(Properties, deployment));
      const statements = Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
      roles.set(name.replace(/Role$/, ''), statements);
    }
    if (Type === 'AWS::S3::BucketPolicy' && name === 'BucketPolicy')
      bucket.push(...BucketPolicy.parse(resolve(Properties, deployment)).PolicyDocument.Statement);
  }
  return { roles, bucket };
}

/** A request as AWS evaluates it. The request has only the context keys that are given. */
export interface AccessRequest {
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, string>>;
}

/** As within one AWS account: a statement allows the request, and none denies it. */
export function isAllowed(statements: readonly Statement[], asked: AccessRequest): boolean {
  const effects = statements
    .filter((statement) => applies(statement, asked))
    .map(({ Effect }) => Effect);
  return effects.includes('Allow') && !effects.includes('Deny');
}

function applies(
  { Action, Resource, Condition = {} }: Statement,
  { action, resource, context }: AccessRequest,
) {
  return (
    Action.some((pattern) => matches(pattern, action)) &&
    Resource.some((pattern) => matches(pattern, resource)) &&
    Object.entries(Condition).every(([operator, keys]) =>
      Object.entries(keys).every(([key, values]) => holds(operator, values, context[key])),
    )
  );
}

/**
 * Evaluates the condition operators that our policies use. If the request lacks the context key, a
 * negated operator is true and any other is false.
 */
function holds(operator: string, values: readonly string[], found: string | undefined): boolean {
  switch (operator) {
    case 'Null':
      return values.includes(String(found === undefined));
    case 'Bool':
    case 'StringEquals':
      return found !== undefined && values.includes(found);
    case 'StringNotEquals':
    case 'ArnNotEquals':
    case 'ArnNotLike':
      return found === undefined || !values.includes(found);
    case 'NumericLessThanEqualsIfExists':
      return found === undefined || values.some((value) => Number(found) <= Number(value));
    case 'StringLike':
      return found !== undefined && values.some((pattern) => matches(pattern, found));
    default:
      throw new Error(`the tests do not implement the condition operator ${operator}`);
  }
}

/** `*` matches any number of characters, `?` matches one. A slash is not special. */
function matches(pattern: string, text: string): boolean {
  const escaped = pattern.replaceAll(/[\\^$.+()|[\]{}]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}
