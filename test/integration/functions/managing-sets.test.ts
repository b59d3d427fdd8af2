import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { boundedProblems } from '../../../backup-set/base/verdict.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { copySet } from '../../../functions/sets/copy.ts';
import { deleteSet, planDeletion } from '../../../functions/sets/delete.ts';
import { listTimestamps } from '../../../functions/sets/list.ts';
import { describeSet, requireSet } from '../../../functions/sets/status.ts';
import { verdictKeys } from '../../../functions/stored/load.ts';
import { NOTHING_CHECKED, writeVerdict } from '../../../functions/stored/write-verdict.ts';
import { bytesOf, fileOf, freshDeps, keysOf } from './place.ts';
import { documentsOf, type SmallSet, storeAll, storeObjects } from './sets.ts';

const OLDER = '20260131010203';
const YOUNGER = '20260201010203';
const manifestOf = (timestamp: string) => formatKey({ kind: 'manifest', timestamp });

async function committed(deps: Deps, timestamp: string): Promise<SmallSet> {
  const set = await storeObjects(deps.store, { timestamp });
  await storeAll(deps.store, documentsOf(set));
  await stitch(deps, timestamp);
  return set;
}

describe('a list of sets', () => {
  it('names every timestamp under the root, the oldest first', async () => {
    const deps = await freshDeps();
    await committed(deps, YOUNGER);
    await committed(deps, OLDER);
    await deps.store.create('sets/20260131/notes/x', Buffer.from('x'));
    expect(await listTimestamps(deps.store)).toEqual([OLDER, YOUNGER]);
  });

  it('shows an open set as open, and a committed set with its totals', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store, { timestamp: OLDER });
    await storeAll(deps.store, [set.plan, ...set.receipts]);
    const open = { timestamp: OLDER, status: 'open', database: 'places', totals: undefined };
    expect(await describeSet(deps, OLDER)).toMatchObject(open);
    await storeAll(deps.store, [...set.sealParts, set.seal]);
    await stitch(deps, OLDER);
    const { totals } = decode(Manifest, {
      key: manifestOf(OLDER),
      bytes: await bytesOf(deps.store, manifestOf(OLDER)),
    });
    expect(await describeSet(deps, OLDER)).toMatchObject({ status: 'complete', totals });
  });

  it('shows a committed set as damaged when its manifest is truncated or missing, whether its verdict can be read or not', async () => {
    const deps = await freshDeps();
    await committed(deps, OLDER);
    const { verdict } = await validate(deps, OLDER);
    expect(verdict.status).toBe('complete');
    const whole = await bytesOf(deps.store, manifestOf(OLDER));
    const damaged = { status: 'damaged', totals: undefined };
    await writeFile(fileOf(deps.store, manifestOf(OLDER)), whole.subarray(0, 200));
    expect(await describeSet(deps, OLDER)).toMatchObject(damaged);
    const [verdictKey = ''] = await verdictKeys(deps, OLDER);
    const said = await bytesOf(deps.store, verdictKey);
    await writeFile(fileOf(deps.store, verdictKey), said.subarray(0, 20));
    expect(await describeSet(deps, OLDER)).toMatchObject({ ...damaged, verdict: undefined });
    await writeFile(fileOf(deps.store, verdictKey), said);
    await rm(fileOf(deps.store, manifestOf(OLDER)));
    expect(await describeSet(deps, OLDER)).toMatchObject(damaged);
  });

  it('refuses a timestamp under which nothing is stored', async () => {
    await expect(requireSet(await freshDeps(), OLDER)).rejects.toMatchObject({
      code: 'set/not-found',
    });
  });
});

describe('the deletion of a set', () => {
  it('plans to remove every object, the manifest first, and removes nothing else', async () => {
    const deps = await freshDeps();
    await committed(deps, OLDER);
    await committed(deps, YOUNGER);
    const plan = await planDeletion(deps, OLDER);
    const stored = await keysOf(deps.store, `sets/20260131/${OLDER}/`);
    expect(plan.objects[0]).toBe(manifestOf(OLDER));
    expect(plan.objects.toSorted()).toEqual(stored.toSorted());
    expect(plan.neededBy).toEqual([]);
    await deleteSet(deps, plan);
    expect(await listTimestamps(deps.store)).toEqual([YOUNGER]);
  });

  it('names the younger sets whose manifests need the set', async () => {
    const deps = await freshDeps();
    await committed(deps, OLDER);
    await committed(deps, YOUNGER);
    const key = manifestOf(YOUNGER);
    const manifest = decode(Manifest, { key, bytes: await bytesOf(deps.store, key) });
    await writeFile(fileOf(deps.store, key), encode(Manifest, { ...manifest, needs: [OLDER] }));
    expect((await planDeletion(deps, OLDER)).neededBy).toEqual([YOUNGER]);
  });

  it('names a younger set that is being written and has the set as its base, until it has failed', async () => {
    const deps = await freshDeps();
    await committed(deps, OLDER);
    const { plan } = await storeObjects(deps.store, { timestamp: YOUNGER });
    const base = { timestamp: OLDER, manifestSha256: '0'.repeat(64) };
    const based = { ...decode(Plan, plan), features: ['carried' as const], base };
    await deps.store.create(plan.key, encode(Plan, based));
    expect((await planDeletion(deps, OLDER)).neededBy).toEqual([YOUNGER]);
    const problem = { code: 'overdue', message: 'no object for an hour' } as const;
    const failed = { status: 'incomplete', checked: NOTHING_CHECKED } as const;
    await writeVerdict(deps, YOUNGER, 'stitch', { ...failed, ...boundedProblems([problem]) });
    expect((await planDeletion(deps, OLDER)).neededBy).toEqual([]);
  });

  it('shows a committed set as damaged when its manifest is truncated or missing, whether its verdict can be read or not', async () => {
    const deps = await freshDeps();
    await committed(deps, OLDER);
    const { verdict } = await validate(deps, OLDER);
    expect(verdict.status).toBe('complete');
    const whole = await bytesOf(deps.store, manifestOf(OLDER));
    const damaged = { status: 'damaged', totals: undefined };
    await writeFile(fileOf(deps.store, manifestOf(OLDER)), whole.subarray(0, 200));
    expect(await describeSet(deps, OLDER)).toMatchObject(damaged);
    const [verdictKey = ''] = await verdictKeys(deps, OLDER);
    const said = await bytesOf(deps.store, verdictKey);
    await writeFile(fileOf(deps.store, verdictKey), said.subarray(0, 20));
    expect(await describeSet(deps, OLDER)).toMatchObject({ ...damaged, verdict: undefined });
    await writeFile(fileOf(deps.store, verdictKey), said);
    await rm(fileOf(deps.store, manifestOf(OLDER)));
    expect(await describeSet(deps, OLDER)).toMatchObject(damaged);
  });

  it('refuses a timestamp under which nothing is stored', async () => {
    await expect(planDeletion(await freshDeps(), OLDER)).rejects.toMatchObject({
      code: 'set/not-found',
    });
  });
});

describe('a copy of a set', () => {
  it('skips objects that the target has with the same bytes', async () => {
    const [from, to] = [await freshDeps(), await freshDeps()];
    await committed(from, OLDER);
    const first = await copySet(from, to, OLDER);
    expect(first).toMatchObject({ skipped: 0, verdict: { status: 'complete' } });
    const second = await copySet(from, to, OLDER);
    expect(second).toMatchObject({ copied: { objects: 0 }, skipped: first.copied.objects });
  });

  it('fails with storage/exists when the target has an object of another size', async () => {
    const [from, to] = [await freshDeps(), await freshDeps()];
    const { plan } = await committed(from, OLDER);
    await to.store.create(plan.key, Buffer.from('{}'));
    await expect(copySet(from, to, OLDER)).rejects.toMatchObject({
      code: 'storage/exists',
      message: expect.stringContaining('has 2 bytes') as string,
    });
    expect(await to.store.head(manifestOf(OLDER))).toBeUndefined();
  });

  it.each(['plan', 'pack'] as const)(
    'fails with storage/exists when the target has other bytes of the same size as the %s',
    async (kind) => {
      const [from, to] = [await freshDeps(), await freshDeps()];
      const { plan } = await committed(from, OLDER);
      const shipment = { content: 0, attempt: 1, worker: 1, sequence: 1 };
      const pack = formatKey({ kind: 'pack', timestamp: OLDER, ...shipment });
      const key = kind === 'plan' ? plan.key : pack;
      await to.store.create(key, Buffer.from(await bytesOf(from.store, key)).reverse());
      await expect(copySet(from, to, OLDER)).rejects.toMatchObject({
        code: 'storage/exists',
        message: expect.stringContaining('has CRC-32') as string,
      });
      expect(await to.store.head(manifestOf(OLDER))).toBeUndefined();
    },
  );

  it('refuses a set without a manifest, and a target that is the root of the set', async () => {
    const [from, to] = [await freshDeps(), await freshDeps()];
    const set = await storeObjects(from.store, { timestamp: OLDER });
    await storeAll(from.store, documentsOf(set));
    await expect(copySet(from, to, OLDER)).rejects.toMatchObject({ code: 'set/incomplete' });
    await expect(copySet(from, from, OLDER)).rejects.toMatchObject({ code: 'usage/flag' });
  });
});
