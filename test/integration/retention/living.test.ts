import { expect, test } from 'vitest';
import { decode, encode, sha256 } from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Seal } from '../../../backup-set/documents/seal.ts';
import { verifySet } from '../../../functions/check/verify-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { holdSet, releaseSet, unexpireSet } from '../../../functions/retention/hold.ts';
import { writeMark } from '../../../functions/retention/marks.ts';
import { planExpiry } from '../../../functions/retention/plan.ts';
import { expireOncePerSlot } from '../../../functions/retention/schedule.ts';
import { copySet } from '../../../functions/sets/copy.ts';
import { deleteSet, planDeletion } from '../../../functions/sets/delete.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { openMemory } from '../../chaos/memory-store.ts';
import { bytesOf, keysOf } from '../functions/place.ts';
import {
  documentsOf,
  type SmallSet,
  type Stored,
  storeAll,
  storeObjects,
} from '../functions/sets.ts';
import { stepped } from './steps.ts';
import { backUp, depsOf, expire, leftOf, RULES, requireComplete, stateOf } from './world.ts';

const [SOUND, FULL, CARRIED, NEWEST] = [
  '20260131010203',
  '20260201010203',
  '20260202010203',
  '20260203010203',
];
const newStore = (clock = () => new Date()) => openMemory('s3://world', { clock });
const packsOf = async ({ store }: Deps, timestamp: string) =>
  (await keysOf(store, `sets/${timestamp.slice(0, 8)}/${timestamp}/data/`)).filter((key) =>
    key.endsWith('.pack'),
  );

/** Replaces an object by the bytes that `change` makes of it. */
async function rewrite(store: ObjectStore, key: string, change: (bytes: Buffer) => void) {
  const bytes = Buffer.from(await bytesOf(store, key));
  change(bytes);
  await store.delete([key]);
  await store.create(key, bytes);
}

test('a set that uses a pack which the check of another set found damaged takes the place of no sound set', async () => {
  const deps = depsOf(newStore());
  await backUp(deps, SOUND);
  await backUp(deps, FULL);
  await backUp(deps, CARRIED, FULL);
  await backUp(deps, NEWEST, CARRIED);
  const [pack = ''] = await packsOf(deps, FULL);
  await rewrite(deps.store, pack, (bytes) => {
    bytes[30] = (bytes[30] ?? 0) ^ 1;
  });
  expect((await verifySet(deps, NEWEST)).verdict.status).toBe('damaged');
  const { decisions, facts } = await planExpiry(deps, RULES);
  expect(decisions.map(({ timestamp, keptBy }) => [timestamp, keptBy])).toEqual([
    [NEWEST, ['keepFailed']],
    [CARRIED, ['keepFailed']],
    [FULL, ['keepFailed']],
    [SOUND, ['newest complete set', 'keepLast']],
  ]);
  expect(facts.get(CARRIED)?.status).toBe('damaged');
  const refusals = (await planDeletion(deps, SOUND)).refusals.map(({ code }) => code);
  expect(refusals).toContain('set/last');
});

test('copies of two clusters in one root do not take the place of each other', async () => {
  const [ours, theirs] = [openMemory('s3://ours'), openMemory('s3://theirs')];
  const root = depsOf(newStore());
  await backUp(depsOf(ours), SOUND);
  await storeAll(theirs, ofCluster('other', await storeObjects(theirs, { timestamp: FULL })));
  await stitch(depsOf(theirs), FULL);
  await requireComplete(depsOf(theirs), FULL);
  await copySet(depsOf(ours), root, SOUND);
  await copySet(depsOf(theirs), root, FULL);
  const { decisions } = await planExpiry(root, RULES);
  expect(decisions.map(({ keptBy }) => keptBy[0])).toEqual(Array(2).fill('newest complete set'));
});

/** The documents of a set as a backup of another cluster writes them. */
function ofCluster(cluster: string, set: SmallSet): Stored[] {
  const plan = { ...decode(Plan, set.plan), cluster };
  const bytes = encode(Plan, plan);
  const seal = { ...decode(Seal, set.seal), planSha256: sha256(bytes) };
  return documentsOf({
    ...set,
    plan: { ...set.plan, bytes },
    seal: { ...set.seal, bytes: encode(Seal, seal) },
  });
}

test('a deletion sees a copy and a backup that began after it was planned', async () => {
  const store = newStore();
  const deps = depsOf(store);
  await backUp(deps, SOUND);
  await backUp(deps, FULL);
  const plan = await planDeletion(deps, SOUND);
  expect(plan.refusals).toEqual([]);
  await writeMark(deps, SOUND, 'reading', 'copy');
  await expect(deleteSet(deps, plan)).rejects.toMatchObject({ code: 'set/in-use' });
  expect(await stateOf(deps, SOUND)).toBe('living');
  const other = depsOf(newStore());
  await backUp(other, SOUND);
  await backUp(other, FULL);
  const before = await planDeletion(other, SOUND);
  await backUp(other, CARRIED, SOUND);
  await expect(deleteSet(other, before)).rejects.toMatchObject({ code: 'set/needed' });
  await requireComplete(other, SOUND);
});

test('a hold is in force when the clock of the store went back since the release', async () => {
  let at = Date.now();
  const deps = depsOf(newStore(() => new Date(at)));
  await backUp(deps, SOUND);
  await backUp(deps, FULL);
  await holdSet(deps, SOUND, 'audit');
  await releaseSet(deps, SOUND);
  at -= 60_000;
  await holdSet(deps, SOUND, 'audit');
  expect((await expire(deps)).expired).toEqual([]);
  at -= 60_000;
  await releaseSet(deps, SOUND);
  expect((await expire(deps)).expired).toEqual([SOUND]);
});

test('a needed pack that a repair brings back while the rest of its set is removed stays', async () => {
  const store = newStore();
  const deps = depsOf(store);
  await backUp(deps, FULL);
  await backUp(deps, NEWEST, FULL);
  const packs = await packsOf(deps, FULL);
  const lost = await Promise.all(
    packs.map(async (key) => [key, await bytesOf(store, key)] as const),
  );
  await store.delete(packs);
  let lists = 0;
  const racing = stepped(store, async (method, argument) => {
    if (method !== 'list' || argument !== `sets/20260201/${FULL}/`) return;
    lists += 1;
    if (lists === 2) for (const [key, bytes] of lost) await store.create(key, bytes);
  });
  await expire(depsOf(racing));
  expect(lists).toBeGreaterThan(1);
  await requireComplete(deps, NEWEST);
  expect((await leftOf(deps, FULL)).filter((key) => key.endsWith('.pack'))).toHaveLength(2);
});

test('a folder that a repair has begun to fill is not removed as a rest', async () => {
  const deps = depsOf(newStore());
  await backUp(deps, NEWEST);
  await writeMark(deps, FULL, 'reading', 'repair');
  await expire(deps);
  expect(await leftOf(deps, FULL)).toHaveLength(1);
});

test('a copy stores its plan first, so that an expiry at the target keeps what the set may need', async () => {
  const [from, to] = [newStore(), openMemory('s3://target')];
  await backUp(depsOf(from), FULL);
  await backUp(depsOf(from), NEWEST, FULL);
  const copied: string[] = [];
  const watched = stepped(to, async (method, key) => {
    if (method === 'copyFrom') copied.push(key);
  });
  await copySet(depsOf(from), depsOf(watched), NEWEST);
  expect(copied[0]).toBe(formatKey({ kind: 'plan', timestamp: NEWEST }));
});

test('a scheduled expiry that failed runs again in its slot, on the server that took the slot', async () => {
  const store = newStore();
  const deps = depsOf(store);
  await backUp(deps, FULL);
  await backUp(deps, NEWEST);
  let isDown = true;
  const failing = stepped(store, async (method, key) => {
    if (isDown && method === 'create' && key.includes('/retention/')) throw new Error('outage');
  });
  const unfinished = {};
  await expect(expireOncePerSlot(depsOf(failing), RULES, unfinished)).rejects.toThrow('outage');
  isDown = false;
  expect(await expireOncePerSlot(deps, RULES)).toBeUndefined();
  const report = await expireOncePerSlot(depsOf(failing), RULES, unfinished);
  expect(report?.expired).toEqual([FULL]);
  expect(await expireOncePerSlot(depsOf(failing), RULES, unfinished)).toBeUndefined();
});

test('a released set is decided by the rules, not by a tombstone that the hold had overruled', async () => {
  const deps = depsOf(newStore());
  await backUp(deps, FULL);
  await backUp(deps, NEWEST);
  // An expiry that was killed before it looked for the hold, or a hold that was denied to end it.
  await writeMark(deps, FULL, 'held', 'audit');
  await writeMark(deps, FULL, 'expired', 'no rule keeps it');
  await releaseSet(deps, FULL);
  expect(await stateOf(deps, FULL)).toBe('living');
  const report = await expire(deps, { ...RULES, keepLast: 2 });
  expect([report.expired, report.removed]).toEqual([[], []]);
});

test('a hold of an expired set names the role that may take the expiry back', async () => {
  const store = newStore();
  await backUp(depsOf(store), FULL);
  await writeMark(depsOf(store), FULL, 'expired', 'no rule keeps it');
  const operator = stepped(store, async (method, key) => {
    if (method === 'create' && key.endsWith('-ended.json'))
      throw new StowageError('storage/denied', 'Access Denied');
  });
  await expect(holdSet(depsOf(operator), FULL, 'audit')).rejects.toMatchObject({
    code: 'storage/denied',
    message: expect.stringContaining('stowage unexpire'),
  });
  await unexpireSet(depsOf(store), FULL, 'audit');
  await releaseSet(depsOf(store), FULL);
  expect(await stateOf(depsOf(store), FULL)).toBe('living');
});
