/**
 * Prints the IAM policy of one segment host: the rights of its role in docs/security.md, but it
 * creates only objects of its own contents.
 *
 *   node infra/aws/hosts/host-policy.mjs --bucket b --prefix shop/ --role Shipper --contents 0,1
 *
 * With a customer managed key: `--kms-key ARN`. For the coordinator: `--contents=-1`.
 */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { HOST_ROLES } from '../rights.mjs';
import { roleOf } from '../roles.mjs';

/** @returns an IAM policy document. */
export function hostPolicy({ bucket, prefix, role, contents, kmsKey, partition = 'aws' }) {
  const [{ PolicyDocument }] = roleOf(hostRole(role), contents).Properties.Policies;
  const values = {
    BucketName: bucket,
    RootPrefix: prefix,
    KmsKeyArn: kmsKey,
    'AWS::Partition': partition,
    'AWS::URLSuffix': partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com',
  };
  return resolved(PolicyDocument, values);
}

/** CloudFormation's functions, as far as roles.mjs uses them for roles of hosts. */
function resolved(value, values) {
  if (Array.isArray(value))
    return value.map((one) => resolved(one, values)).filter((one) => one !== undefined);
  if (typeof value !== 'object' || value === null) return value;
  if ('Fn::Sub' in value)
    return value['Fn::Sub'].replaceAll(/\$\{([\w:]+)\}/g, (_, name) => values[name]);
  if ('Ref' in value) return values[value.Ref];
  if ('Fn::If' in value) {
    const [, then] = value['Fn::If'];
    return values.KmsKeyArn === undefined ? undefined : resolved(then, values);
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, resolved(one, values)]),
  );
}

/** @throws for a role that works for all contents. */
export function hostRole(role) {
  if (HOST_ROLES.includes(role)) return role;
  throw new Error(`role ${role}: only ${HOST_ROLES.join(', ')} can be limited to contents`);
}

/** `0,1` → [0, 1]. */
export function contentsFrom(list) {
  if (!/^(-1|\d{1,6})(,(-1|\d{1,6}))*$/.test(list))
    throw new Error(`contents ${list}: write content ids, separated by commas`);
  return list.split(',').map(Number);
}

function fromArguments(args) {
  const { values } = parseArgs({
    args,
    options: {
      bucket: { type: 'string' },
      prefix: { type: 'string' },
      role: { type: 'string' },
      contents: { type: 'string' },
      'kms-key': { type: 'string' },
      partition: { type: 'string' },
    },
  });
  const { bucket, prefix = '', role, contents, 'kms-key': kmsKey, partition } = values;
  if (bucket === undefined || role === undefined || contents === undefined)
    throw new Error('--bucket, --role and --contents are required');
  if (prefix !== '' && !prefix.endsWith('/'))
    throw new Error(`--prefix ${prefix}: it must end in a slash`);
  return { bucket, prefix, role, contents: contentsFrom(contents), kmsKey, partition };
}

const [, program] = process.argv;
if (program !== undefined && realpathSync(program) === fileURLToPath(import.meta.url)) {
  try {
    const policy = hostPolicy(fromArguments(process.argv.slice(2)));
    process.stdout.write(`${JSON.stringify(policy, null, 2)}\n`);
  } catch (error) {
    process.stderr.write(`host-policy: ${error.message}\n`);
    process.exitCode = 2;
  }
}
