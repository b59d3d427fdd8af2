import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { deploymentOf, NAMES } from '../../test/support/rights/deployment.ts';
import { policiesOf } from '../../test/support/rights/policies.ts';
import { securityTemplate } from '../../test/support/rights/template.ts';
import { cephPolicy } from './bucket-policy.mjs';

// test/contract/roles try this policy on a real Ceph.
const PROGRAM = fileURLToPath(new URL('bucket-policy.mjs', import.meta.url));
const run = (...args: string[]) => promisify(execFile)(process.execPath, [PROGRAM, ...args]);
const template = await securityTemplate();
const { roles } = policiesOf(template, deploymentOf(template));
/** Not supported by Ceph 16, or different from AWS: see docs/security.md. */
const ELSEWHERE = ['s3:GetEncryptionConfiguration', 's3:GetBucketOwnershipControls'];

test.each([...roles])(
  '%s has the same rights on Ceph as the template gives on AWS',
  (role, statements) => {
    const { bucket, prefix } = NAMES;
    const [, ...own] = cephPolicy({
      bucket,
      prefix,
      owner: 'o',
      users: [{ role, user: 'u' }],
    }).Statement;
    const pairs = (list: readonly { Action: readonly string[]; Resource?: readonly string[] }[]) =>
      list
        .flatMap(({ Action, Resource = [] }) =>
          Action.flatMap((action) => Resource.map((on) => `${action} ${on}`)),
        )
        .filter(
          (pair) => pair.startsWith('s3:') && !ELSEWHERE.some((action) => pair.startsWith(action)),
        )
        .filter((pair) => / arn:aws:s3:::offsite(\/|$)/.test(pair))
        .toSorted();
    const many = ['Delete', 'Expire'].includes(role)
      ? [`s3:DeleteObject arn:aws:s3:::${bucket}`]
      : [];
    const allowed = statements.filter(({ Effect }) => Effect === 'Allow');
    expect(pairs(own.filter(({ Effect }) => Effect === 'Allow'))).toEqual(
      [...pairs(allowed), ...many].toSorted(),
    );
    // Ceph's policy denies more: see docs/security.md.
    const denied = statements.filter(({ Effect }) => Effect === 'Deny');
    expect(pairs(own.filter(({ Effect }) => Effect === 'Deny'))).toEqual(
      expect.arrayContaining(pairs(denied)),
    );
  },
);

test('the policy is printed for the given users', async () => {
  const where = ['--bucket', 'offsite', '--prefix', 'shop/', '--owner', 'stowage'];
  const { stdout } = await run(...where, '--user', 'Shipper=s1', '--user', 'Sweep=serve');
  const users = [
    { role: 'Shipper', user: 's1' },
    { role: 'Sweep', user: 'serve' },
  ];
  const options = { bucket: 'offsite', prefix: 'shop/', owner: 'stowage', users };
  expect(JSON.parse(stdout)).toEqual(cephPolicy(options));
});

test.each([
  [
    'an unknown role',
    ['--bucket', 'b', '--owner', 'o', '--user', 'Root=u'],
    'one of the roles Stitch, ',
  ],
  [
    'a prefix without a slash at the end',
    ['--bucket', 'b', '--owner', 'o', '--user', 'Audit=u', '--prefix', 'x'],
    'slash',
  ],
  ['no user', ['--bucket', 'b', '--owner', 'o'], '--user Role=uid'],
])('%s is refused with exit code 2', async (_, args, words) => {
  await expect(run(...args)).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining(words),
  });
});
