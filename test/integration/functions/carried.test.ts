import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../backup-set/base/document.ts';
import { formatKey, setPrefix } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { copySet } from '../../../functions/sets/copy.ts';
import { requestTask } from '../../../functions/tasks/tasks.ts';
import { carriedSet, packsOf, YOUNGER } from '../incremental/carried-set.ts';
import { bytesOf, fileOf, freshDeps, keysOf, verdictsOf } from './place.ts';
import { AT, outcomes, run } from './slicing.ts';

const manifestOf = (timestamp: string) => formatKey({ kind: 'manifest', timestamp });

describe('a set with the rows of an older set', () => {
  it('is committed and validated without a pack of its own', async () => {
    const { deps, older, set } = await carriedSet();
    expect(await stitch(deps, YOUNGER)).toMatchObject({ status: 'complete' });
    const { verdict } = await validate(deps, YOUNGER);
    expect(verdict).toMatchObject({ status: 'complete', checked: { objects: 12 } });
    const key = manifestOf(YOUNGER);
    const manifest = decode(Manifest, { key, bytes: await bytesOf(deps.store, key) });
    expect(manifest).toMatchObject({ needs: [older.timestamp], totals: { newObjects: 6 } });
    expect(await packsOf(deps, set)).toEqual([]);
  });

  it('stays proven when the documents of its base are deleted, and only its packs are left', async () => {
    const { deps, older } = await carriedSet();
    await stitch(deps, YOUNGER);
    for (const key of await keysOf(deps.store, setPrefix(older.timestamp)))
      if (!key.endsWith('.pack')) await rm(fileOf(deps.store, key));
    expect((await validate(deps, YOUNGER)).verdict).toMatchObject({ status: 'complete' });
  });

  it('is damaged when a pack of the older set is missing, and the verdict names the pack', async () => {
    const { deps, older } = await carriedSet();
    await stitch(deps, YOUNGER);
    const [pack = ''] = await packsOf(deps, older);
    await rm(fileOf(deps.store, pack));
    const { verdict } = await validate(deps, YOUNGER);
    expect(verdict.status).toBe('damaged');
    expect(verdict.problems).toMatchObject([{ code: 'object-missing', object: pack }]);
  });

  it('is not committed when a copy of a part of its base is missing or changed', async () => {
    const { deps, set } = await carriedSet();
    const [first, second] = set.baseParts;
    await rm(fileOf(deps.store, first?.key ?? ''));
    expect(await stitch(deps, YOUNGER)).toMatchObject({
      status: 'incomplete',
      problems: [{ code: 'object-missing', object: first?.key, content: 0 }],
    });
    await writeFile(fileOf(deps.store, second?.key ?? ''), 'altered');
    expect(await stitch(deps, YOUNGER)).toMatchObject({ status: 'damaged' });
    expect(await deps.store.head(manifestOf(YOUNGER))).toBeUndefined();
  });

  it('is verified in slices, which read the packs of the older set', async () => {
    const { deps } = await carriedSet();
    await stitch(deps, YOUNGER);
    await run(deps, await requestTask(deps, YOUNGER, 'verify', AT));
    expect(await outcomes(deps)).toMatchObject([{ status: 'complete', objects: 12 }]);
  });

  it('is proven at the alternate location, where the older set is not', async () => {
    const replica = (await freshDeps()).store;
    const { deps, older } = await carriedSet({ replica });
    await stitch(deps, YOUNGER);
    await run(deps, (await validate(deps, YOUNGER)).wrote[0] ?? '');
    expect(await verdictsOf(replica)).toMatchObject([{ level: 'validate', status: 'complete' }]);
    const there = await keysOf(replica, setPrefix(older.timestamp));
    expect(there).toEqual(await packsOf(deps, older));
  });

  it('is copied with the packs of the older set', async () => {
    const { deps, older } = await carriedSet();
    await stitch(deps, YOUNGER);
    const to = await freshDeps();
    const { verdict } = await copySet(deps, to, YOUNGER);
    expect(verdict.status).toBe('complete');
    expect(await packsOf(to, older)).toEqual(await packsOf(deps, older));
  });
});
