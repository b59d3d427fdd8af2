import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import { documentsOf, TIMESTAMP } from '../../../backup-set/testing/builders.ts';
import { fileSet } from '../../../backup-set/testing/file-set.ts';
import { fold } from '../../../backup-set/testing/fold-whole.ts';
import { openDirectory } from '../../../storage/directory/directory.ts';
import { type OlderSets, olderSets } from './older-sets.ts';

const INCREMENT = '20260201120000';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stowage-older-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

interface Older {
  readonly encrypts?: boolean;
  readonly unproven?: () => Promise<string | undefined>;
  /** What is stored as its manifest. */
  readonly manifest?: (bytes: Uint8Array) => Uint8Array;
}

/** A complete set, for an increment that differs from it in some fields. */
async function lookedAt(
  change: (plan: Plan) => Plan,
  table = 'public.t0',
  { encrypts = false, unproven, manifest }: Older = {},
): Promise<OlderSets> {
  const [set] = fc.sample(fileSet, { numRuns: 1, seed: 1 });
  if (set === undefined) throw new Error('no set was made');
  const folded = fold(documentsOf(set));
  if (folded.status !== 'complete') throw new Error('the older set must be complete');
  const store = openDirectory(root);
  const bytes = manifest?.(folded.bytes) ?? folded.bytes;
  await store.create(formatKey({ kind: 'manifest', timestamp: TIMESTAMP }), bytes);
  const { plan } = set;
  if (plan.files === undefined) throw new Error('the set must have files');
  const files = { ...plan.files, needs: [TIMESTAMP] };
  const increment = change({ ...plan, timestamp: INCREMENT, files });
  const restoreplan = [{ timestamp: TIMESTAMP, tablefqns: [table] }];
  return olderSets(store, increment, { restoreplan, encrypts, unproven });
}

/** What is wrong with it. */
async function failuresOf(...args: Parameters<typeof lookedAt>): Promise<string[]> {
  return (await lookedAt(...args)).failures.map(({ message }) => message);
}

const needs = `the increment ${INCREMENT} needs files of set`;

test('an increment can use a complete set of its database that has the table', async () => {
  expect(await failuresOf((plan) => plan)).toEqual([]);
});

test.each<[string, (plan: Plan) => Plan, string | undefined]>([
  ['is of database d', (plan) => ({ ...plan, database: 'other' }), undefined],
  [
    'is of a cluster with another number of segments',
    (plan) => ({ ...plan, contents: plan.contents.slice(1) }),
    undefined,
  ],
  ['has no file of table public."T 9"', (plan) => plan, 'public."T 9"'],
])('an increment cannot use a set that %s', async (why, change, table) => {
  expect(await failuresOf(change, table)).toEqual([`${needs} ${TIMESTAMP}, which ${why}`]);
});

test('an encrypted increment cannot use a set that is not encrypted', async () => {
  expect(await failuresOf((plan) => plan, undefined, { encrypts: true })).toEqual([
    `${needs} ${TIMESTAMP}, which is not encrypted: make a full backup`,
  ]);
});

/** As the manifest of an encrypted set. */
const encrypted = (bytes: Uint8Array) =>
  Buffer.from(
    Buffer.from(bytes)
      .toString()
      .replace(
        '"files":',
        `"encryption":{"keyId":"${'a'.repeat(32)}","hostKeys":["${'b'.repeat(32)}"]},"files":`,
      ),
  );

test('an encrypted increment names the keys of its older set, and those of the hosts', async () => {
  const older = { encrypts: true, manifest: encrypted, unproven: async () => undefined };
  const { failures, keys, hostKeys } = await lookedAt((plan) => plan, undefined, older);
  expect(failures).toEqual([]);
  expect(keys).toEqual([{ timestamp: TIMESTAMP, keyId: 'a'.repeat(32) }]);
  expect(hostKeys).toEqual([{ timestamp: TIMESTAMP, hostKeys: ['b'.repeat(32)] }]);
});

test.each<[string, Older, string]>([
  [
    'that nothing proves, where the coordinator has a digest key',
    { encrypts: true, manifest: encrypted, unproven: async () => 'its seal: no' },
    'which is not proven (its seal: no): make a full backup',
  ],
  [
    'whose manifest cannot be read',
    { manifest: () => Buffer.from('{}\n') },
    'whose manifest cannot be read',
  ],
])('an increment cannot use a set %s', async (_, older, why) => {
  expect(await failuresOf((plan) => plan, undefined, older)).toEqual([
    `${needs} ${TIMESTAMP}, ${why}`,
  ]);
});

test('an increment cannot use a set that is not there', async () => {
  const [older, other] = ['20260101000000', TIMESTAMP];
  const change = (plan: Plan) => ({
    ...plan,
    ...(plan.files && { files: { ...plan.files, needs: [older, other] } }),
  });
  expect(await failuresOf(change)).toEqual([
    `${needs} ${older}, which is not complete under this root`,
  ]);
});
