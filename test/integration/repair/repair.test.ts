import { rm, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { verifySet } from '../../../functions/check/verify-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { planRepair } from '../../../functions/repair/plan.ts';
import { type RepairResult, repairSet } from '../../../functions/repair/repair.ts';
import { copySet } from '../../../functions/sets/copy.ts';
import { describeSet } from '../../../functions/sets/status.ts';
import { bytesOf, fileOf, freshDeps, keysOf } from '../functions/place.ts';
import { documentsOf, type SmallSet, storeAll, storeObjects } from '../functions/sets.ts';

const packOf = ({ timestamp }: SmallSet, content: number) =>
  formatKey({ kind: 'pack', timestamp, content, attempt: 1, worker: 1, sequence: 1 });

async function withCopy(): Promise<{ to: Deps; from: Deps; set: SmallSet }> {
  const [to, from] = [await freshDeps(), await freshDeps()];
  const set = await storeObjects(to.store);
  await storeAll(to.store, documentsOf(set));
  await stitch(to, set.timestamp);
  await copySet(to, from, set.timestamp);
  return { to, from, set };
}

async function repair(
  { to, from, set }: Awaited<ReturnType<typeof withCopy>>,
  { mayReplace = false, readAll = false } = {},
): Promise<RepairResult> {
  const plan = await planRepair({ to, from }, set.timestamp, { readAll });
  return repairSet({ to, from }, set.timestamp, plan, { mayReplace });
}

/** Another byte, the same size. */
async function flip({ store }: Deps, key: string): Promise<void> {
  const bytes = Buffer.from(await bytesOf(store, key));
  bytes[30] = (bytes[30] ?? 0) ^ 1;
  await writeFile(fileOf(store, key), bytes);
}

const contentsOf = async ({ store }: Deps) => {
  const keys = (await keysOf(store)).filter((key) => !/\/(verdicts|retention)\//.test(key));
  return Promise.all(
    keys.map(async (key) => [key, Buffer.from(await bytesOf(store, key)).toString('hex')]),
  );
};

describe('a repair', () => {
  it('brings back every object of a set that was lost, of every kind, and the set is complete', async () => {
    const given = await withCopy();
    const { to, from, set } = given;
    const keys = (await keysOf(to.store)).filter((key) => !/\/(verdicts|retention)\//.test(key));
    // One of each folder, and plan, seal and manifest. One receipt stays.
    const lost = keys.filter((key) => !/receipts\/2\//.test(key) && !key.endsWith('plan.json'));
    await to.store.delete(lost);
    const { repaired, verdict } = await repair(given);
    expect(verdict).toMatchObject({ status: 'complete', problems: [] });
    expect(repaired.map(({ key }) => key).toSorted()).toEqual(lost.toSorted());
    expect(repaired.at(-1)?.key).toBe(formatKey({ kind: 'manifest', timestamp: set.timestamp }));
    expect(await contentsOf(to)).toEqual(await contentsOf(from));
  });

  it('replaces damaged objects only where it may, and changes nothing else', async () => {
    const given = await withCopy();
    const { to, from, set } = given;
    await truncate(fileOf(to.store, packOf(set, 0)), 10);
    await flip(to, packOf(set, 1));
    await flip(to, set.receipts[0]?.key ?? '');
    await flip(to, set.plan.key);
    const damaged = [packOf(set, 0), packOf(set, 1), set.receipts[0]?.key, set.plan.key];
    const before = await contentsOf(to);
    const first = await repair(given);
    expect(first.repaired).toEqual([]);
    expect(first.kept.map(({ key }) => key).toSorted()).toEqual(damaged.toSorted());
    expect(first.verdict.status).toBe('damaged');
    expect(await contentsOf(to)).toEqual(before);
    const second = await repair(given, { mayReplace: true });
    expect(second).toMatchObject({ kept: [], lost: [], verdict: { status: 'complete' } });
    expect(await contentsOf(to)).toEqual(await contentsOf(from));
  });

  // The ETags of a copy are not compared with the receipts, so only its bytes show this.
  it('replaces what verify found, though size and ETag are right, and ends with a new verify', async () => {
    const { to: from, from: to, set } = await withCopy();
    const given = { to, from, set };
    await flip(to, packOf(set, 2));
    expect((await repair(given, { mayReplace: true })).repaired).toEqual([]);
    expect((await verifySet(to, set.timestamp)).verdict.status).toBe('damaged');
    const { repaired, verdict } = await repair(given, { mayReplace: true });
    expect(repaired.map(({ key }) => key)).toEqual([packOf(set, 2)]);
    expect(verdict).toMatchObject({ level: 'verify', status: 'complete' });
    expect(await describeSet(to, set.timestamp)).toMatchObject({ status: 'complete' });
  });

  it('finds such damage without a verdict when it reads every object', async () => {
    const { to: from, from: to, set } = await withCopy();
    await flip(to, packOf(set, 2));
    const { repaired, verdict } = await repair(
      { to, from, set },
      { mayReplace: true, readAll: true },
    );
    expect(repaired.map(({ key }) => key)).toEqual([packOf(set, 2)]);
    expect(verdict).toMatchObject({ level: 'verify', status: 'complete' });
  });

  it('removes nothing and stores nothing when the copy is damaged too', async () => {
    const given = await withCopy();
    const { to, from, set } = given;
    await flip(to, packOf(set, 0));
    await rm(fileOf(to.store, packOf(set, 1)));
    await flip(from, packOf(set, 0));
    await flip(from, packOf(set, 1));
    await rm(fileOf(to.store, packOf(set, 2)));
    const { repaired, lost, verdict } = await repair(given, { mayReplace: true });
    expect(repaired.map(({ key }) => key)).toEqual([packOf(set, 2)]);
    expect(lost.map(({ object }) => object)).toEqual([packOf(set, 0), packOf(set, 1)]);
    expect(verdict.status).toBe('damaged');
    expect(await to.store.head(packOf(set, 0))).toBeDefined();
    expect(await to.store.head(packOf(set, 1))).toBeUndefined();
    expect(await Array.fromAsync(to.store.pendingUploads(''))).toEqual([]);
  });

  it('finds nothing to do for a whole set', async () => {
    const given = await withCopy();
    const plan = await planRepair(given, given.set.timestamp, { readAll: false });
    expect(plan).toMatchObject({ items: [], lost: [] });
  });

  it('refuses another set of the same second, and a copy without a manifest', async () => {
    const given = await withCopy();
    const other = await freshDeps();
    const set = await storeObjects(other.store, { contents: [0] });
    await storeAll(other.store, documentsOf(set));
    const roots = { to: given.to, from: other };
    const options = { readAll: false };
    await expect(planRepair(roots, set.timestamp, options)).rejects.toMatchObject({
      code: 'set/incomplete',
    });
    await stitch(other, set.timestamp);
    await expect(planRepair(roots, set.timestamp, options)).rejects.toMatchObject({
      code: 'set/damaged',
    });
  });

  it('mends a copy from the set, whose ETags are other ones', async () => {
    const { to, from, set } = await withCopy();
    await from.store.delete([packOf(set, 1)]);
    const { verdict } = await repair({ to: from, from: to, set });
    expect(verdict.status).toBe('complete');
    expect((await validate(to, set.timestamp)).verdict.status).toBe('complete');
  });
});
