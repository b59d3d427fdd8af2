import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../backup-set/base/document.ts';
import { formatKey, setKeysPrefix } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { verifySet } from '../../../functions/check/verify-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { extendRetention } from '../../../functions/handlers/extend-retention.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { planRepair } from '../../../functions/repair/plan.ts';
import { repairSet } from '../../../functions/repair/repair.ts';
import { holdSet, releaseSet } from '../../../functions/retention/hold.ts';
import { copySet } from '../../../functions/sets/copy.ts';
import { deleteSet, planDeletion } from '../../../functions/sets/delete.ts';
import { describeSets } from '../../../functions/sets/describe-sets.ts';
import { requestTask } from '../../../functions/tasks/tasks.ts';
import type { ObjectLock } from '../../../storage/lock.ts';
import { bytesOf, fileOf, freshDeps, keysOf, verdictsOf } from '../functions/place.ts';
import { documentsOf, type SmallSet, storeAll } from '../functions/sets.ts';
import { AT, outcomes, run } from '../functions/slicing.ts';
import { encryptedSets, keyDocument } from './small-keys.ts';

const keysUnder = async ({ store }: Deps, { timestamp }: SmallSet) =>
  keysOf(store, setKeysPrefix(timestamp));
const remove = async (deps: Deps, set: SmallSet) => deps.store.delete(await keysUnder(deps, set));
const packOf = ({ timestamp }: SmallSet) =>
  formatKey({ kind: 'pack', timestamp, content: 0, attempt: 1, worker: 1, sequence: 1 });

describe('an encrypted set, without its keys', () => {
  it('is committed and validated, and its manifest repeats what the plan says of its keys', async () => {
    const { deps, older, younger } = await encryptedSets();
    const { verdict } = await validate(deps, younger.timestamp);
    expect(verdict).toMatchObject({ status: 'complete' });
    expect(verdict.decrypted).toBeUndefined();
    const key = formatKey({ kind: 'manifest', timestamp: younger.timestamp });
    const manifest = decode(Manifest, { key, bytes: await bytesOf(deps.store, key) });
    expect(manifest).toMatchObject({
      features: ['carried', 'encrypted'],
      needs: [older.timestamp],
      encryption: { older: [{ timestamp: older.timestamp }] },
    });
  });

  it('is verified by its checksums only, and the verdict says so; with its keys every row is counted', async () => {
    const { deps, younger, keys } = await encryptedSets();
    const blind = await verifySet(deps, younger.timestamp);
    expect(blind.verdict).toMatchObject({ status: 'complete', decrypted: false, problems: [] });
    const seeing = await verifySet(deps, younger.timestamp, { keys });
    expect(seeing.verdict).toMatchObject({ status: 'complete', decrypted: true, problems: [] });
    await run(deps, await requestTask(deps, younger.timestamp, 'verify', AT));
    expect(await outcomes(deps)).toMatchObject([{ status: 'complete' }]);
    const verdicts = (await verdictsOf(deps.store)).filter(({ level }) => level === 'verify');
    expect(verdicts.map(({ decrypted }) => decrypted).toSorted()).toEqual([false, false, true]);
  });

  it('is damaged when a frame differs, with and without its keys', async () => {
    const { deps, older, younger, keys } = await encryptedSets();
    const file = fileOf(deps.store, packOf(older));
    const bytes = Buffer.from(await bytesOf(deps.store, packOf(older)));
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    await writeFile(file, bytes);
    for (const options of [{}, { keys }]) {
      const { verdict } = await verifySet(deps, younger.timestamp, options);
      expect(verdict.problems.map(({ code }) => code)).toEqual(['etag-differs', 'digest-differs']);
    }
  });

  it('is damaged when its frames and files do not open with its keys, although all checksums are right', async () => {
    const { deps, older } = await encryptedSets();
    const { keys } = await encryptedSets();
    const { verdict } = await verifySet(deps, older.timestamp, { keys });
    expect(verdict.status).toBe('damaged');
    // Per content: 3 frames and 2 files.
    expect(verdict.problems.map(({ code }) => code)).toEqual(Array(10).fill('frame-unreadable'));
  });

  it('is damaged when no document with its key is stored, or with that of an older set whose packs it uses', async () => {
    const { deps, older, younger } = await encryptedSets();
    await remove(deps, older);
    const problem = { code: 'key-missing', object: setKeysPrefix(older.timestamp) };
    for (const { timestamp } of [older, younger])
      expect((await validate(deps, timestamp)).verdict).toMatchObject({
        status: 'damaged',
        problems: [problem],
      });
    await storeAll(deps.store, [keyDocument(older.timestamp, 'ab'.repeat(16))]);
    expect((await validate(deps, younger.timestamp)).verdict.status).toBe('complete');
    // Only the check of the older set has found that its key is lost.
    await remove(deps, older);
    await validate(deps, older.timestamp);
    expect(await describeSets(deps)).toMatchObject([{ status: 'damaged' }, { status: 'damaged' }]);
  });

  it('is not committed while no document with its key is stored', async () => {
    const { deps, younger } = await encryptedSets();
    const manifest = formatKey({ kind: 'manifest', timestamp: younger.timestamp });
    await remove(deps, younger);
    await deps.store.delete([manifest]);
    expect(await stitch(deps, younger.timestamp)).toMatchObject({
      status: 'incomplete',
      problems: [{ code: 'key-missing', object: setKeysPrefix(younger.timestamp) }],
    });
    await storeAll(deps.store, [keyDocument(younger.timestamp, 'ab'.repeat(16))]);
    expect(await stitch(deps, younger.timestamp)).toMatchObject({ status: 'complete' });
  });
});

describe('the key of an encrypted set', () => {
  it('stays when its set is removed and another set uses its packs, and goes with the last of these', async () => {
    const { deps, older, younger } = await encryptedSets();
    const before = await keysUnder(deps, older);
    expect(before).toHaveLength(1);
    const plan = await planDeletion(deps, older.timestamp);
    expect(plan.objects).not.toContain(before[0]);
    expect(plan.packsKept).toBe(4);
    await deleteSet(deps, plan, { force: true });
    expect(await keysUnder(deps, older)).toEqual(before);
    expect(await deps.store.head(documentsOf(older)[0]?.key ?? '')).toBeUndefined();
    expect((await validate(deps, younger.timestamp)).verdict.status).toBe('complete');
    await deleteSet(deps, await planDeletion(deps, younger.timestamp), { force: true });
    await deleteSet(deps, await planDeletion(deps, older.timestamp), { force: true });
    expect(await keysOf(deps.store, 'sets/')).toEqual([]);
  });

  it('is copied with the set and with each older set whose packs it uses, and again after it was wrapped again', async () => {
    const { deps, older, younger } = await encryptedSets();
    const to = await freshDeps();
    expect((await copySet(deps, to, younger.timestamp)).verdict.status).toBe('complete');
    for (const set of [older, younger])
      expect(await keysUnder(to, set)).toEqual(await keysUnder(deps, set));
    const again = keyDocument(older.timestamp, 'ab'.repeat(16), '20260301000000000');
    await storeAll(deps.store, [again]);
    expect(await copySet(deps, to, younger.timestamp)).toMatchObject({ copied: { objects: 1 } });
    expect(await keysUnder(to, older)).toContain(again.key);
  });

  it('is at the alternate location before the set is committed there', async () => {
    const replica = (await freshDeps()).store;
    const { deps, older, younger } = await encryptedSets({ ...(await freshDeps()), replica });
    await run(deps, (await validate(deps, younger.timestamp)).wrote[0] ?? '');
    expect(await verdictsOf(replica)).toMatchObject([{ level: 'validate', status: 'complete' }]);
    for (const set of [older, younger])
      expect(await keysOf(replica, setKeysPrefix(set.timestamp))).toHaveLength(1);
  });

  it('is brought back by a repair, only where no document of the set is left', async () => {
    const { deps: to, older, younger, keyIds } = await encryptedSets();
    const from = await freshDeps();
    await copySet(to, from, younger.timestamp);
    const all = [...(await keysUnder(to, older)), ...(await keysUnder(to, younger))];
    await to.store.delete(all);
    const plan = await planRepair({ to, from }, younger.timestamp, { readAll: false });
    expect(plan.items.map(({ key }) => key).toSorted()).toEqual(all.toSorted());
    const repaired = await repairSet({ to, from }, younger.timestamp, plan, { mayReplace: false });
    expect(repaired).toMatchObject({ lost: [], verdict: { status: 'complete' } });
    // A recipient was removed here: the copy still has the document that it could open.
    await to.store.delete(all);
    const wrapped = [older, younger].map(({ timestamp }, at) =>
      keyDocument(timestamp, keyIds[at] ?? '', '20260301000000000'),
    );
    await storeAll(to.store, wrapped);
    expect((await planRepair({ to, from }, younger.timestamp, { readAll: false })).items).toEqual(
      [],
    );
  });

  it('is locked and held as long as a set that uses packs of its set', async () => {
    const { deps, older, younger } = await encryptedSets();
    const [extended, held] = [new Set<string>(), new Map<string, boolean>()];
    const lock: ObjectLock = {
      configuration: async () => ({ mode: 'GOVERNANCE', days: 30 }),
      retention: async () => undefined,
      extendRetention: async (key) => extended.add(key).size > 0,
      legalHold: async (key) => held.get(key) === true,
      setLegalHold: async (key, isOn) => void held.set(key, isOn),
    };
    const locking = { ...deps, store: { ...deps.store, lock } };
    const keys = [...(await keysUnder(deps, older)), ...(await keysUnder(deps, younger))];
    await extendRetention(locking, younger.timestamp);
    expect([...extended]).toEqual(expect.arrayContaining(await keysUnder(deps, older)));
    await holdSet(locking, younger.timestamp, 'audit');
    for (const key of keys) expect(held.get(key), key).toBe(true);
    await holdSet(locking, older.timestamp, 'audit');
    await releaseSet(locking, older.timestamp);
    // The younger set is still held, and needs it.
    for (const key of keys) expect(held.get(key), key).toBe(true);
    await releaseSet(locking, younger.timestamp);
    for (const key of keys) expect(held.get(key), key).toBe(false);
  });

  it('that is lost under both roots is named by a repair', async () => {
    const { deps: to, younger } = await encryptedSets();
    const from = await freshDeps();
    await copySet(to, from, younger.timestamp);
    await remove(to, younger);
    await remove(from, younger);
    const plan = await planRepair({ to, from }, younger.timestamp, { readAll: false });
    expect(plan.lost).toMatchObject([{ code: 'key-missing' }]);
  });
});
