import * as z from 'zod';

const List = z
  .string()
  .or(z.array(z.string()))
  .transform((value) => (typeof value === 'string' ? [value] : value));

/** A statement of a bucket policy that denies something to every principal. Others are ignored. */
const Denial = z.object({
  Effect: z.literal('Deny'),
  Principal: z.literal('*').or(z.object({ AWS: List.refine((names) => names.includes('*')) })),
  Action: List,
  Resource: List,
  Condition: z.record(z.string(), z.record(z.string(), List)).default({}),
});
type Denial = z.infer<typeof Denial>;

const Policy = z.object({
  Statement: z.array(z.unknown()).or(z.unknown().transform((one) => [one])),
});

/** What infra/aws/resources/bucket-policy.yml denies to every principal. */
export const REFUSED = [
  'requests without TLS',
  'overwriting',
  'keys of writers',
  'deletion',
  'removal of versions',
] as const;
export type Refused = (typeof REFUSED)[number];

/** Which of these a policy denies below a root. A text that is not a policy denies nothing. */
export function refusedBy(
  text: string,
  { bucket, prefix }: { bucket: string; prefix: string },
): Set<Refused> {
  const denials = denialsIn(text);
  const object = `:::${bucket}/${prefix}sets/x`;
  const refuses = (action: string, holds: (condition: Denial['Condition']) => boolean) =>
    denials.some(
      ({ Action, Resource, Condition }) =>
        Action.some((pattern) => matches(pattern, action)) &&
        Resource.some((arn) => matches(arn.replace(/^arn:[^:]*:s3(?=:::)/, ''), object)) &&
        holds(Condition),
    );
  const found: Record<Refused, boolean> = {
    'requests without TLS': refuses('s3:GetObject', (asked) =>
      only(asked, [['Bool', 'aws:SecureTransport', 'false']]),
    ),
    overwriting: refuses('s3:PutObject', (asked) =>
      only(asked, [
        ['Null', 's3:if-none-match', 'true'],
        ['Bool', 's3:ObjectCreationOperation', 'true'],
      ]),
    ),
    'keys of writers': refuses('s3:PutObject', (asked) =>
      only(asked, [['Null', 's3:x-amz-server-side-encryption-customer-algorithm', 'false']]),
    ),
    // The owner chooses the roles that are excepted.
    deletion: refuses('s3:DeleteObject', (asked) =>
      Object.entries(asked).every(
        ([operator, keys]) =>
          /^(Arn|String)Not(Equals|Like)$/.test(operator) &&
          Object.keys(keys).every((key) => key === 'aws:PrincipalArn'),
      ),
    ),
    'removal of versions': refuses('s3:DeleteObjectVersion', isForEverybody),
  };
  return new Set(REFUSED.filter((name) => found[name]));
}

function denialsIn(text: string): Denial[] {
  const policy = Policy.safeParse(parsed(text));
  const statements = policy.success ? policy.data.Statement : [];
  return statements.flatMap((statement) => Denial.safeParse(statement).data ?? []);
}

const isForEverybody = (asked: Denial['Condition']) => Object.keys(asked).length === 0;

/** True when the condition has no other key: a denial with more conditions applies less often. */
function only(
  asked: Denial['Condition'],
  wanted: readonly (readonly [string, string, string])[],
): boolean {
  const questions = Object.entries(asked).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) =>
      `${operator} ${key} ${values.join()}`.toLowerCase(),
    ),
  );
  const allowed = wanted.map((words) => words.join(' ').toLowerCase());
  return (
    questions.every((question) => allowed.includes(question)) &&
    questions.includes(allowed[0] ?? '')
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function matches(pattern: string, text: string): boolean {
  const escaped = pattern.replaceAll(/[\\^$.+()|[\]{}]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}
