import { expect, onTestFinished, test } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { instantOf } from '../../../backup-set/base/timestamps.ts';
import { sweepCommand } from '../../../cli/commands/serve.ts';
import { requestVerification } from '../../../functions/handlers/request-verification.ts';
import { runSlice } from '../../../functions/handlers/run-slice.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { verdictKeys } from '../../../functions/stored/load.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { openStore } from '../../../storage/open.ts';
import { keysOf, later } from '../functions/place.ts';
import { storeRequest } from '../functions/restores.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';
import { MIDDLE, NEWEST, OLDEST, type World, world } from './world.ts';

/** One object must not keep a sweep, or a function that looks at all sets, from the others. */

const RESTORES = ['20260203000000000-0123abcd', '20260203000001000-0123abcd'] as const;
const manifestOf = (timestamp: string) => formatKey({ kind: 'manifest', timestamp });
const planOf = (restore: string) => formatKey({ kind: 'restore-plan', restore });
const newestVerdictOf = async ({ deps }: World, timestamp: string) =>
  (await verdictKeys(deps, timestamp)).at(-1) ?? '';

async function sealedSet(at: World, timestamp: string): Promise<void> {
  const set = await storeObjects(at.deps.store, { timestamp, contents: [0] });
  await storeAll(at.deps.store, documentsOf(set));
}

test('a sweep commits and plans the others, and fails for a withheld seal and a malformed request', async () => {
  const at = await world([]);
  await sealedSet(at, OLDEST);
  await sealedSet(at, MIDDLE);
  for (const id of RESTORES)
    await storeRequest(at.deps.store, { timestamp: MIDDLE, contents: [0] }, id);
  const [broken, sound] = RESTORES;
  at.plant(formatKey({ kind: 'restore-request', restore: broken }), 'not JSON');
  at.withhold(formatKey({ kind: 'seal', timestamp: OLDEST }));
  const { code, text } = await at.run(sweepCommand);
  const keys = await keysOf(at.deps.store);
  expect(keys).toContain(manifestOf(MIDDLE));
  expect(keys).toContain(planOf(sound));
  // An unreadable seal is not an absent one: the set gets no verdict.
  expect(keys).not.toContain(manifestOf(OLDEST));
  expect(await verdictKeys(at.deps, OLDEST)).toEqual([]);
  expect(text).toContain(`${OLDEST}: `);
  expect(text).toContain(`${broken}: `);
  expect(code).toBe(3);
});

test('a set that the store withholds keeps no other from its copy', async () => {
  const at = await world();
  const s3 = { endpoint: at.strict.endpoint, attemptsMax: 1 };
  const replica = await openStore({ root: `${at.strict.root}/copies`, s3 });
  onTestFinished(() => replica.close());
  // The sweep knows them as complete, and looks for their copies in turn.
  const closed = new Map([NEWEST, MIDDLE, OLDEST].map((one) => [one, 'complete' as const]));
  at.withhold(await newestVerdictOf(at, NEWEST));
  const { problems } = await sweep({ ...at.deps, replica }, { closed });
  const tasks = await keysOf(at.deps.store, 'tasks/');
  expect(tasks.filter((key) => key.includes(MIDDLE)).length).toBeGreaterThan(0);
  expect(tasks.filter((key) => key.includes(OLDEST)).length).toBeGreaterThan(0);
  expect(tasks.filter((key) => key.includes(NEWEST))).toEqual([]);
  expect(problems).toMatchObject([{ set: NEWEST, failed: true }]);
});

test('a set whose plan is withheld keeps its uploads, and those of others are removed', async () => {
  const at = await world([]);
  const uploads = [OLDEST, MIDDLE].map((timestamp) =>
    formatKey({ kind: 'pack', timestamp, content: 0, attempt: 1, worker: 1, sequence: 1 }),
  );
  const begun = { bucket: 'strict', startedAt: new Date(), metadata: {}, algorithm: undefined };
  for (const key of uploads) {
    const parts = { parts: new Map(), isComplete: false, aborts: 0 };
    at.strict.uploads.set(key, { ...begun, ...parts, key: `root/${key}` });
  }
  at.withhold(formatKey({ kind: 'plan', timestamp: OLDEST }));
  const report = await sweep(later(at.deps, 2 * 3_600_000));
  expect(report.uploadsAborted).toBe(1);
  expect(report.problems).toMatchObject([{ set: OLDEST, failed: true }]);
  const left = await Array.fromAsync(at.deps.store.pendingUploads('sets/'));
  expect(left.map(({ key }) => key)).toEqual([uploads[0]]);
});

test('a slice whose order is withheld keeps the other slices of its task from no run', async () => {
  const at = await world([OLDEST]);
  const small = { ...at.deps, sliceLimits: { objects: 1, bytes: 1 } } as typeof at.deps;
  const task = `20260203000000000-${OLDEST}-verify`;
  const request = { format: 'stowage/task-request', version: 1, task };
  at.plant(
    formatKey({ kind: 'task-request', task }),
    JSON.stringify({ ...request, requestedAt: '2026-02-03T00:00:00.000Z' }),
  );
  await sweep(small);
  const orders = await keysOf(at.deps.store, `tasks/${task}/orders/`);
  expect(orders.length).toBeGreaterThan(2);
  at.withhold(orders[0] ?? '');
  const { problems } = await sweep(later(small, 2 * 3_600_000));
  expect(problems).toMatchObject([{ task, failed: true }]);
  expect(await keysOf(at.deps.store, `tasks/${task}/receipts/`)).toHaveLength(orders.length - 1);
  at.strict.rules.withheld = undefined;
  expect((await runSlice(small, task, 0)).wrote).toHaveLength(1);
});

test('a withheld newest set is named by the request for a verification, and the next one is verified', async () => {
  const at = await world();
  at.withhold(manifestOf(NEWEST));
  await expect(requestVerification(at.deps)).rejects.toMatchObject({ code: 'storage/denied' });
  expect(await keysOf(at.deps.store, 'tasks/')).toEqual([expect.stringContaining(MIDDLE)]);
});

test('a withheld manifest is one warning of a validation, which compares with the other sets', async () => {
  const at = await world();
  at.withhold(manifestOf(MIDDLE));
  const timestamp = '20260203010203';
  await sealedSet(at, timestamp);
  await stitch(at.deps, timestamp);
  const { validated } = await sweep(at.deps);
  expect(validated).toContain(timestamp);
  const key = await newestVerdictOf(at, timestamp);
  const verdict = JSON.parse(at.strict.objects.get(`strict/root/${key}`)?.body.toString() ?? '');
  expect(verdict).toMatchObject({
    status: 'complete',
    compared: { sets: [NEWEST, OLDEST] },
    warnings: [{ code: 'not-compared', object: manifestOf(MIDDLE) }],
  });
});

test('a set whose manifest is withheld keeps the locks of no other set from their extension', async () => {
  const at = await world();
  const extended: string[] = [];
  const lock = {
    configuration: async () => ({ mode: 'GOVERNANCE', days: 10_000 }),
    extendRetention: async (key: string) => extended.push(key) > 0,
  };
  const store = { ...at.deps.store, lock } as unknown as typeof at.deps.store;
  const closed = new Map([NEWEST, MIDDLE, OLDEST].map((one) => [one, 'complete' as const]));
  at.withhold(manifestOf(NEWEST));
  const { problems } = await sweep({ ...at.deps, store, lockDays: 10_000 }, { closed });
  expect(problems).toMatchObject([{ set: NEWEST, failed: true }]);
  expect(extended).toContain(manifestOf(MIDDLE));
  expect(extended).toContain(manifestOf(OLDEST));
  expect(extended).not.toContain(manifestOf(NEWEST));
});

test('a set whose newest verdict is malformed is a problem of the sweep, and is not counted as complete', async () => {
  const at = await world();
  const key = formatKey({
    ...{ kind: 'verdict', timestamp: NEWEST, level: 'verify' },
    instant: instantOf(new Date(Date.now() + 60_000)),
  } as const);
  at.plant(key, '{');
  const { problems, statuses } = await sweep(at.deps);
  expect(problems).toMatchObject([{ set: NEWEST, failed: true }]);
  expect(statuses).toMatchObject({ complete: 2 });
});
