import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { encode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { ExportReceipt } from '../../../backup-set/documents/export/receipt.ts';
import { TaskOutcome, TaskRequest } from '../../../backup-set/documents/tasks.ts';
import { dayOf } from '../../../backup-set/testing/committed/committed-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { readLog } from '../../../functions/looking-back/log/log.ts';
import { writeMark } from '../../../functions/retention/marks.ts';
import { fileOf, freshDeps } from '../functions/place.ts';
import { storeRequest } from '../functions/restores.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';
import { counted, storeSet } from './place.ts';

const [ONE, TWO] = [dayOf(1), dayOf(2)];
const AT = '2026-02-01T00:00:00.000Z';
const RESTORE = '20260201000000000-0123abcd';

async function busyRoot(): Promise<Deps> {
  const clock = () => new Date('2026-01-31T00:00:00.000Z');
  const deps = await freshDeps(clock);
  for (const timestamp of [ONE, TWO])
    await storeSet(deps.store, { timestamp, database: 'shop', tables: [{ name: 'a', rows: 5 }] });
  await validate(deps, TWO);
  await writeMark(deps, ONE, 'held', 'audit');
  await storeRequest(deps.store, { timestamp: ONE, contents: [0, 1] }, RESTORE);
  const task = `20260201000000001-${TWO}-replicate`;
  const request = { format: 'stowage/task-request', version: 1, task, requestedAt: AT } as const;
  await deps.store.create(formatKey({ kind: 'task-request', task }), encode(TaskRequest, request));
  await deps.store.create(
    formatKey({ kind: 'task-outcome', task }),
    encode(TaskOutcome, {
      ...{ format: 'stowage/task-outcome', version: 1, task, at: '2026-02-01T00:01:00.000Z' },
      ...{ status: 'complete', root: 's3://other', objects: 2, bytes: 9, problems: [] },
      problemsTotal: 0,
    }),
  );
  return deps;
}

it('the log has what the documents of sets, restores and tasks say, the newest last', async () => {
  const deps = await busyRoot();
  const { entries, omitted } = await readLog(deps, {});
  expect(omitted).toBe(0);
  expect(entries.map(({ at, what, set }) => [at.slice(0, 10), what, set])).toEqual([
    ['2026-01-02', 'backup-began', ONE],
    ['2026-01-02', 'backup-complete', ONE],
    ['2026-01-03', 'backup-began', TWO],
    ['2026-01-03', 'backup-complete', TWO],
    ['2026-01-31', 'held', ONE],
    ['2026-01-31', 'verdict', TWO],
    ['2026-02-01', 'restore-requested', ONE],
    ['2026-02-01', 'copy-requested', TWO],
    ['2026-02-01', 'copy-ended', TWO],
  ]);
  const [held] = entries.filter(({ what }) => what === 'held');
  expect(held).toMatchObject({ why: 'audit', by: expect.stringContaining('stowage') });
  const [restore] = entries.filter(({ what }) => what === 'restore-requested');
  expect(restore).toMatchObject({ restore: RESTORE, to: 'places on new-0:5432 and 1 more' });
});

it('the log of one set has no entry of another set', async () => {
  const { entries } = await readLog(await busyRoot(), { set: ONE });
  expect(new Set(entries.map(({ set }) => set))).toEqual(new Set([ONE]));
  expect(entries.map(({ what }) => what)).toEqual([
    'backup-began',
    'backup-complete',
    'held',
    'restore-requested',
  ]);
});

it('the log since a time reads the marks of older sets, and not their manifests', async () => {
  const deps = await busyRoot();
  const { store, requests } = counted(deps.store);
  const since = '2026-01-31T00:00:00.000Z';
  const { entries } = await readLog({ ...deps, store }, { since });
  expect(entries.map(({ what }) => what)).toEqual([
    'held',
    'verdict',
    'restore-requested',
    'copy-requested',
    'copy-ended',
  ]);
  // 3 LISTs of folders, 3 per set, and restores, tasks, expiries, runs, requests, exports; then one
  // GET per document: mark, verdict, manifest, request, missing outcome, request, outcome.
  expect(requests()).toBe(3 + 2 * 3 + 6 + 7);
});

it('a failed backup has the first failure of its seal, and a set without a seal only began', async () => {
  const deps = await freshDeps();
  const failures = [{ content: 1, code: 'shipper/died', message: 'killed by SIGKILL' }];
  const failed = await storeObjects(deps.store, { timestamp: ONE, failures });
  await storeAll(deps.store, documentsOf(failed));
  const open = await storeObjects(deps.store, { timestamp: TWO });
  await storeAll(deps.store, [open.plan]);
  const { entries } = await readLog(deps, {});
  expect(entries.filter(({ set }) => set === ONE)).toMatchObject([
    { what: 'backup-began', database: 'places' },
    { what: 'backup-failed', status: 'failed', why: 'killed by SIGKILL (shipper/died)' },
  ]);
  expect(entries.filter(({ set }) => set === TWO)).toMatchObject([{ what: 'backup-began' }]);
});

it('a document that cannot be read is an entry that says so', async () => {
  const deps = await busyRoot();
  const manifest = formatKey({ kind: 'manifest', timestamp: ONE });
  await writeFile(fileOf(deps.store, manifest), '{}');
  const { entries } = await readLog(deps, { set: ONE });
  expect(entries.find(({ object }) => object === manifest)).toMatchObject({
    what: 'backup-began',
    unreadable: expect.stringContaining('field format'),
  });
});

it('an export of a set is in the log of the set', async () => {
  const deps = await busyRoot();
  const object = { key: 'exports/x/rows.csv', bytes: 7, sha256: 'a'.repeat(64) };
  await deps.store.create(
    'exports/x/receipt.json',
    encode(ExportReceipt, {
      ...{ format: 'stowage/export', version: 1, at: AT, tool: 'stowage 1', object, as: 'csv' },
      ...{ compression: 'none', rows: 3, columns: ['a'] },
      from: { database: 'shop', set: ONE, table: 'public.a' },
    }),
  );
  const { entries } = await readLog(deps, { set: ONE });
  expect(entries.find(({ what }) => what === 'exported')).toMatchObject({
    ...{ set: ONE, rows: 3, bytes: 7, why: 'public.a', to: 'exports/x/rows.csv' },
  });
});
