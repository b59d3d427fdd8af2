import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { RIGHTS } from './rights.mjs';
import { roleOf } from './roles.mjs';

/** IAM's quota of inline policies per role, in characters without white space. */
const POLICY_CHARS_MAX = 10_240;
/** The longest name that S3 allows for a bucket. */
const BUCKET = 'b'.repeat(63);
/** The longest ARN of a queue, log or key, and more. */
const ARN = 'a'.repeat(160);

/** The policy that CloudFormation creates with every condition true and the longest parameters. */
function filled(value: unknown, prefix: string): unknown {
  if (Array.isArray(value)) return value.map((one) => filled(one, prefix));
  if (typeof value !== 'object' || value === null) return value;
  const [[name, inner] = []] = Object.entries(value);
  if (name === 'Fn::If') return filled((inner as unknown[])[1], prefix);
  if (name === 'Ref' || name === 'Fn::GetAtt') return ARN;
  if (name === 'Fn::Sub')
    return String(inner)
      .replace(/\$\{RootPrefix\}/, prefix)
      .replaceAll(/\$\{[A-Za-z]*BucketName\}/g, BUCKET)
      .replaceAll(/\$\{AWS::\w+\}/g, 'amazonaws.com.cn');
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one, prefix)]));
}

test.each(Object.keys(RIGHTS))(
  'the policy of role %s fits into the IAM quota with the longest names',
  async (name) => {
    const text = await readFile(new URL('resources/parameters.yml', import.meta.url), 'utf8');
    const [, length] = /RootPrefix:.*?MaxLength: (\d+)/s.exec(text) ?? [];
    const role = roleOf(name) as { Properties: { Policies: { PolicyDocument: unknown }[] } };
    const policies = role.Properties.Policies.map(({ PolicyDocument }) =>
      filled(PolicyDocument, 'p'.repeat(Number(length))),
    );
    const written = JSON.stringify(policies);
    expect(written).not.toContain('${');
    expect(written).toContain('p'.repeat(64));
    expect(written.length).toBeLessThanOrEqual(POLICY_CHARS_MAX);
  },
);
