import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import { hex } from '../../../frame/hex.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { ShipperDeps } from '../../deps.ts';
import { withArchive } from './archive.ts';

const archive = Buffer.from('PGDMP and what follows');
const stored = { key: 'schema.dump', bytes: archive.length, crc32: hex(crc32(archive)), etag: '' };

function giving(bytes: Buffer): ShipperDeps {
  const store = {
    async *get() {
      yield bytes.subarray(0, 5);
      yield bytes.subarray(5);
    },
  } as Partial<ObjectStore> as ObjectStore;
  return { store, signal: new AbortController().signal } as ShipperDeps;
}

it('pg_restore gets an archive exactly as it was stored', async () => {
  let found = Buffer.alloc(0);
  await withArchive(stored, giving(archive), async (file) => {
    found = await readFile(file);
  });
  expect(found.equals(archive)).toBe(true);
});

it.each([
  ['with a flipped bit', Buffer.from('PGDMP and What follows')],
  ['that is cut off', archive.subarray(0, -1)],
  ['with extra bytes at its end', Buffer.concat([archive, Buffer.from('x')])],
])('an archive %s is never passed to pg_restore', async (_, bytes) => {
  let used = false;
  const using = withArchive(stored, giving(bytes), async () => {
    used = true;
  });
  await expect(using).rejects.toMatchObject({
    code: 'set/damaged',
    where: { object: 'schema.dump' },
  });
  expect(used).toBe(false);
});
