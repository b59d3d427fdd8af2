import { rm, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { verifySet } from '../../../functions/check/verify-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { planRepair } from '../../../functions/repair/plan.ts';
import { repairSet } from '../../../functions/repair/repair.ts';
import { copySet } from '../../../functions/sets/copy.ts';
import { damagedPacksUsedBy } from '../../../functions/sets/damaged-packs.ts';
import { describeSets } from '../../../functions/sets/describe-sets.ts';
import { currentVerdict } from '../../../functions/stored/current-verdict.ts';
import { bytesOf, fileOf, freshDeps, keysOf } from '../functions/place.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';
import { carriedSet, carryFrom, packsOf, YOUNGER } from './carried-set.ts';

const YOUNGEST = '20260202010203';
const FULL = '20260203010203';

/** Two sets that carry the rows of a third, and one with packs of its own. All are validated. */
async function fourSets(): Promise<{ deps: Deps; older: string; pack: string }> {
  const { deps, older, set } = await carriedSet();
  await stitch(deps, YOUNGER);
  await carryFrom(deps, set, YOUNGEST);
  await storeAll(deps.store, documentsOf(await storeObjects(deps.store, { timestamp: FULL })));
  for (const timestamp of [YOUNGEST, FULL]) await stitch(deps, timestamp);
  for (const timestamp of [older.timestamp, YOUNGER, YOUNGEST, FULL])
    await validate(deps, timestamp);
  const [pack = ''] = await packsOf(deps, older);
  return { deps, older: older.timestamp, pack };
}

/** Another byte, the same size: only a check that reads the pack finds it. */
async function flip({ store }: Deps, key: string): Promise<void> {
  const bytes = Buffer.from(await bytesOf(store, key));
  bytes[30] = (bytes[30] ?? 0) ^ 1;
  await writeFile(fileOf(store, key), bytes);
}

const listed = async (deps: Deps) =>
  (await describeSets(deps)).map(({ timestamp, status, damagedPacks }) => [
    timestamp,
    status,
    damagedPacks?.map(({ foundIn }) => foundIn),
  ]);

it('a pack that the check of one set finds damaged is listed in every set that uses it', async () => {
  const { deps, older, pack } = await fourSets();
  await flip(deps, pack);
  expect((await verifySet(deps, YOUNGER)).verdict.status).toBe('damaged');
  const byYounger = [YOUNGER];
  expect(await listed(deps)).toEqual([
    [FULL, 'complete', undefined],
    [YOUNGEST, 'damaged', byYounger],
    [YOUNGER, 'damaged', undefined],
    [older, 'damaged', byYounger],
  ]);
  const youngest = (await describeSets(deps)).find(({ timestamp }) => timestamp === YOUNGEST);
  expect(youngest?.damagedPacks).toEqual([{ object: pack, foundIn: YOUNGER }]);
  // A later validate reads no rows: it proves nothing about the pack.
  await validate(deps, YOUNGEST);
  const verdict = await currentVerdict(deps, YOUNGEST, { isCommitted: true });
  const set = { timestamp: YOUNGEST, needs: [older], verdict };
  expect(await damagedPacksUsedBy(deps, set)).toEqual([{ object: pack, foundIn: YOUNGER }]);
});

it('damage is past when the set in whose folder the pack lies was repaired and verified', async () => {
  const { deps, older, pack } = await fourSets();
  const copy = await freshDeps();
  await copySet(deps, copy, YOUNGER);
  await copySet(deps, copy, older);
  await flip(deps, pack);
  await verifySet(deps, older);
  expect(await listed(deps)).toMatchObject([
    [FULL, 'complete', undefined],
    [YOUNGEST, 'damaged', [older]],
    [YOUNGER, 'damaged', [older]],
    [older, 'damaged', undefined],
  ]);
  const roots = { to: deps, from: copy };
  const plan = await planRepair(roots, older, { readAll: false });
  await repairSet(roots, older, plan, { mayReplace: true });
  expect((await listed(deps)).map(([, status]) => status)).toEqual(Array(4).fill('complete'));
});

it('a repair of a set with carried rows brings packs of the older set and parts of the base back', async () => {
  const { deps, older, set } = await carriedSet();
  await stitch(deps, YOUNGER);
  const copy = await freshDeps();
  await copySet(deps, copy, YOUNGER);
  const [first = '', second = ''] = await packsOf(deps, older);
  const [part] = set.baseParts;
  await rm(fileOf(deps.store, first));
  await flip(deps, second);
  await rm(fileOf(deps.store, part?.key ?? ''));
  await writeFile(fileOf(deps.store, set.baseParts[1]?.key ?? ''), '{}\n');
  const roots = { to: deps, from: copy };
  const plan = await planRepair(roots, YOUNGER, { readAll: true });
  const { repaired, kept, lost, verdict } = await repairSet(roots, YOUNGER, plan, {
    mayReplace: true,
  });
  expect([kept, lost, verdict.status]).toEqual([[], [], 'complete']);
  expect(repaired.map(({ key, state }) => [key, state]).toSorted()).toEqual(
    [
      [first, 'missing'],
      [second, 'damaged'],
      [part?.key, 'missing'],
      [set.baseParts[1]?.key, 'damaged'],
    ].toSorted(),
  );
  expect((await verifySet(deps, older.timestamp)).verdict.status).toBe('complete');
  expect(await keysOf(copy.store, 'sets/')).not.toEqual([]);
});

it('a copy takes only the packs that the other root lacks', async () => {
  const { deps, older } = await carriedSet();
  await stitch(deps, YOUNGER);
  const to = await freshDeps();
  await copySet(deps, to, older.timestamp);
  const before = await packsOf(to, older);
  const { copied, skipped } = await copySet(deps, to, YOUNGER);
  expect(await packsOf(to, older)).toEqual(before);
  expect(skipped).toBe(before.length);
  const own = await keysOf(deps.store, `sets/${YOUNGER.slice(0, 8)}/${YOUNGER}/`);
  expect(copied.objects).toBe(own.filter((key) => !key.includes('/verdicts/')).length);
});
