import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { formatKey, type Key } from '../../../backup-set/base/keys.ts';
import { hostPolicy } from './host-policy.mjs';

// test/contract/roles/contents.test.ts tries the same limits on a real Ceph.
const PROGRAM = fileURLToPath(new URL('host-policy.mjs', import.meta.url));
const timestamp = '20260131010203';
const restore = `${timestamp}004-0123abcd`;

/** The actions that the policy allows on a key. `*` and `?` match as in IAM, also slashes. */
function allowed(role: string, contents: readonly number[], key: Key): string[] {
  const arn = `arn:aws:s3:::offsite/shop/${formatKey(key)}`;
  const { Statement } = hostPolicy({ bucket: 'offsite', prefix: 'shop/', role, contents });
  return Statement.filter(({ Resource }) =>
    [Resource].flat().some((pattern) => {
      const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
      return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(arn);
    }),
  ).map(({ Sid }) => Sid);
}

const shipment = (content: number) =>
  ({ timestamp, content, attempt: 1, worker: 1, sequence: 1 }) as const;
const written = (content: number): Record<string, readonly Key[]> => ({
  Shipper: [
    { kind: 'pack', ...shipment(content) },
    { kind: 'receipt', ...shipment(content) },
    { kind: 'metadata', timestamp, content, attempt: 1, file: 'schema.dump' },
  ],
  RestoreShipper: [{ kind: 'restore-receipt', restore, phase: 'data', content }],
  Agent: [
    { kind: 'pack', ...shipment(content) },
    { kind: 'backup-claim', timestamp, content },
    { kind: 'backup-report', timestamp, content },
    { kind: 'order-claim', restore, phase: 'data', content },
    { kind: 'restore-receipt', restore, phase: 'pre-data', content },
  ],
});

test.each(['Shipper', 'RestoreShipper', 'Agent'])(
  'the policy of a host with role %s allows creating objects of its contents and of no other',
  (role) => {
    for (const content of [1, 12, -1])
      for (const key of written(content)[role] ?? [])
        expect(allowed(role, [1, 12, -1], key), formatKey(key)).toContain('Create');
    for (const content of [0, 2, 11, 121])
      for (const key of written(content)[role] ?? [])
        expect(allowed(role, [1, 12, -1], key), formatKey(key)).not.toContain('Create');
  },
);

test('the program refuses roles that work for all contents, and content ids that are none', async () => {
  const where = ['--bucket', 'b'];
  const run = (...args: string[]) => promisify(execFile)(process.execPath, [PROGRAM, ...args]);
  await expect(run(...where, '--role', 'Sweep', '--contents', '0')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('only Shipper, RestoreShipper, Agent') as string,
  });
  await expect(run(...where, '--role', 'Agent', '--contents', '*')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('write content ids') as string,
  });
});
