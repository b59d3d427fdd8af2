import { expect, it } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { copySet } from '../../../functions/sets/copy.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { freshDeps, keysOf } from './place.ts';
import { documentsOf, storeAll, storeObjects } from './sets.ts';

it('a copy of a set copies the seal and the manifest last, so that a sweep during the copy commits nothing', async () => {
  const [from, to] = [await freshDeps(), await freshDeps()];
  const set = await storeObjects(from.store);
  await storeAll(from.store, documentsOf(set));
  await stitch(from, set.timestamp);
  const { timestamp } = set;
  const manifest = formatKey({ kind: 'manifest', timestamp });
  const copied: string[] = [];
  const copyFrom: ObjectStore['copyFrom'] = async (source, key, options) => {
    // Everything that a fold needs must be copied before the seal.
    if (key === set.seal.key)
      expect(await sweep(to)).toMatchObject({ committed: [], problems: [] });
    copied.push(key);
    return to.store.copyFrom(source, key, options);
  };
  const target = {
    ...to,
    store: Object.assign(Object.create(to.store) as ObjectStore, { copyFrom }),
  };
  const { verdict } = await copySet(from, target, timestamp);
  expect(verdict.status).toBe('complete');
  expect(copied.slice(-2)).toEqual([set.seal.key, manifest]);
  for (const kind of ['seal-part', 'manifest-part'] as const)
    for (const content of set.contents)
      expect(copied).toContain(formatKey({ kind, timestamp, content }));
  const there = (await keysOf(to.store)).filter((key) => !key.includes('/verdicts/'));
  // The mark of the reader is no object of the set.
  const ofSet = (await keysOf(from.store)).filter((key) => !key.includes('/retention/'));
  expect(there.toSorted()).toEqual(ofSet.toSorted());
});
