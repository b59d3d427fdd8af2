import { utimes, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { verifySet } from '../../../functions/check/verify-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { bytesOf, fileOf, freshDeps } from '../functions/place.ts';
import { documentsOf, type SmallSet, storeAll, storeObjects } from '../functions/sets.ts';

const packOf = ({ timestamp }: SmallSet) =>
  formatKey({ kind: 'pack', timestamp, content: 1, attempt: 1, worker: 1, sequence: 1 });

/** A set of which a pack was lost, and copied back with the same bytes: its ETag is another one. */
async function copiedBack(): Promise<{ deps: Deps; set: SmallSet; pack: string }> {
  const deps = await freshDeps();
  const set = await storeObjects(deps.store);
  await storeAll(deps.store, documentsOf(set));
  await stitch(deps, set.timestamp);
  const pack = packOf(set);
  const bytes = await bytesOf(deps.store, pack);
  await deps.store.delete([pack]);
  expect((await validate(deps, set.timestamp)).verdict.status).toBe('damaged');
  await deps.store.create(pack, bytes);
  return { deps, set, pack };
}

/** Names the objects that are read as a whole. */
function watched(deps: Deps): { deps: Deps; read: string[] } {
  const read: string[] = [];
  const get: Deps['store']['get'] = (key, options) => {
    read.push(key);
    return deps.store.get(key, options);
  };
  return { deps: { ...deps, store: { ...deps.store, get } }, read };
}

describe('an object that was lost and copied back with the right bytes', () => {
  it('makes the set complete again: it is read once, and the verdict keeps the proof', async () => {
    const { deps, set, pack } = await copiedBack();
    const first = watched(deps);
    const { verdict } = await validate(first.deps, set.timestamp);
    const etag = (await deps.store.head(pack))?.etag;
    expect(verdict).toMatchObject({ status: 'complete', proven: [{ object: pack, etag }] });
    expect(first.read).toEqual([pack]);
    const second = watched(deps);
    const again = (await validate(second.deps, set.timestamp)).verdict;
    expect(again).toMatchObject({ status: 'complete', proven: [{ object: pack, etag }] });
    expect(second.read).toEqual([]);
  });

  it('is proven by verify, too', async () => {
    const { deps, set, pack } = await copiedBack();
    expect((await verifySet(deps, set.timestamp)).verdict).toMatchObject({
      status: 'complete',
      proven: [{ object: pack }],
    });
    const next = watched(deps);
    expect((await validate(next.deps, set.timestamp)).verdict.status).toBe('complete');
    expect(next.read).toEqual([]);
  });

  it('is read again when it is written again', async () => {
    const { deps, set, pack } = await copiedBack();
    await validate(deps, set.timestamp);
    await utimes(fileOf(deps.store, pack), 1, 1);
    const next = watched(deps);
    expect((await validate(next.deps, set.timestamp)).verdict.status).toBe('complete');
    expect(next.read).toEqual([pack]);
  });

  it('is not accepted when another object of the same size came back', async () => {
    const { deps, set, pack } = await copiedBack();
    const bytes = Buffer.from(await bytesOf(deps.store, pack));
    await writeFile(fileOf(deps.store, pack), bytes.reverse());
    const { verdict } = await validate(deps, set.timestamp);
    expect(verdict).toMatchObject({
      status: 'damaged',
      problems: [{ code: 'etag-differs', object: pack, message: /CRC-32/ }],
    });
    expect(verdict.proven).toBeUndefined();
  });

  it('is not accepted without the right to read it, until a check with that right has proven it', async () => {
    const { deps, set, pack } = await copiedBack();
    const get: Deps['store']['get'] = () => {
      throw new StowageError('storage/denied', 'no right to read');
    };
    const denied = { ...deps, store: { ...deps.store, get } };
    expect((await validate(denied, set.timestamp)).verdict).toMatchObject({
      status: 'damaged',
      problems: [{ code: 'etag-differs', object: pack, message: /may not read it/ }],
    });
    await validate(deps, set.timestamp);
    expect((await validate(denied, set.timestamp)).verdict.status).toBe('complete');
  });
});
