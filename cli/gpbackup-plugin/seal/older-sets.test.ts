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
import { olderSets } from './older-sets.ts';

const INCREMENT = '20260201120000';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stowage-older-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** What is wrong with a complete set, for an increment that differs from it in some fields. */
async function failuresOf(
  change: (plan: Plan) => Plan,
  table = 'public.t0',
  encrypts = false,
): Promise<string[]> {
  const [set] = fc.sample(fileSet, { numRuns: 1, seed: 1 });
  if (set === undefined) throw new Error('no set was made');
  const folded = fold(documentsOf(set));
  if (folded.status !== 'complete') throw new Error('the older set must be complete');
  const store = openDirectory(root);
  await store.create(formatKey({ kind: 'manifest', timestamp: TIMESTAMP }), folded.bytes);
  const { plan } = set;
  if (plan.files === undefined) throw new Error('the set must have files');
  const files = { ...plan.files, needs: [TIMESTAMP] };
  const increment = change({ ...plan, timestamp: INCREMENT, files });
  const restoreplan = [{ timestamp: TIMESTAMP, tablefqns: [table] }];
  const { failures } = await olderSets(store, increment, { restoreplan, encrypts });
  return failures.map(({ message }) => message);
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
  expect(await failuresOf((plan) => plan, undefined, true)).toEqual([
    `${needs} ${TIMESTAMP}, which is not encrypted: make a full backup`,
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
