import { expect, test } from 'vitest';
import { decode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { relationParts } from '../../../cli/read-set/relation-parts.ts';
import { opensFor } from '../../../segment-shipper/read/opens.ts';
import { rowsOf } from '../../../segment-shipper/read/rows-of.ts';
import { bytesOf } from '../functions/place.ts';
import { encryptedSets } from './small-keys.ts';

test('a frame opens in its own place only, also when checksums and counts were made to fit', async () => {
  const { deps, older, keys } = await encryptedSets();
  const { keys: strange } = await encryptedSets();
  const { store } = deps;
  const key = formatKey({ kind: 'manifest', timestamp: older.timestamp });
  const manifest = decode(Manifest, { key, bytes: await bytesOf(store, key) });
  const parts = await Array.fromAsync(relationParts({ deps, manifest }, manifest.relations));
  const frames = parts.flatMap(({ schema, name, extents }) =>
    extents.map((extent) => ({ relation: { schema, name }, extent })),
  );
  expect(frames).toHaveLength(6);
  type Frame = (typeof frames)[number];
  /** Reads the frame `moved` where `place` is: an attacker edits pack and documents. */
  const read = (moved: Frame, place: Frame, held = keys) => {
    const { key: to, offset } = place.extent;
    const get: typeof store.get = (_, options) =>
      store.get(moved.extent.key, { ...options, offset: moved.extent.offset });
    const extent = { ...moved.extent, key: to, offset };
    const { signal } = new AbortController();
    const rows = rowsOf({ ...store, get }, [extent], { signal, ...opensFor(held, place.relation) });
    return Array.fromAsync(rows, (chunk) => chunk.byteLength);
  };
  for (const moved of frames)
    for (const place of frames) {
      if (moved === place) expect(await read(moved, place)).not.toEqual([]);
      else
        await expect(read(moved, place)).rejects.toMatchObject({
          code: 'set/damaged',
          message: expect.stringContaining(place.extent.key),
        });
      await expect(read(moved, place, strange)).rejects.toThrow('cannot be decrypted');
    }
});
