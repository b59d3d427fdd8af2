import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDirectory } from '../directory/directory.ts';
import type { ObjectStore } from '../store.ts';
import { rememberedReads } from './remembered-reads.ts';

const LIMIT = { bytesMax: 1000 };

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stowage-remembered-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/**
 * A directory with objects `a` and `b` of ten bytes, and the keys that were really read from it.
 */
async function watched() {
  const directory = openDirectory(root);
  for (const key of ['a', 'b']) await directory.create(key, Buffer.from(key.repeat(10)));
  const reads: string[] = [];
  const store: ObjectStore = {
    ...directory,
    read(key, options) {
      reads.push(key);
      return directory.read(key, options);
    },
  };
  return { store, reads };
}

const text = async (bytes: Promise<Uint8Array>) => Buffer.from(await bytes).toString();

describe('rememberedReads', () => {
  it('reads an object once, also for a second caller with a limit of exactly its size', async () => {
    const { store, reads } = await watched();
    const remembered = rememberedReads(store, 100);
    expect(await text(remembered.read('a', LIMIT))).toBe('aaaaaaaaaa');
    expect(await text(remembered.read('a', { bytesMax: 10 }))).toBe('aaaaaaaaaa');
    expect(reads).toEqual(['a']);
  });

  it('rejects a remembered object for a caller with a smaller limit', async () => {
    const { store } = await watched();
    const remembered = rememberedReads(store, 100);
    await remembered.read('a', LIMIT);
    await expect(remembered.read('a', { bytesMax: 9 })).rejects.toMatchObject({
      code: 'storage/too-large',
    });
  });

  it('keeps the first objects up to its bound, without eviction', async () => {
    const { store, reads } = await watched();
    const remembered = rememberedReads(store, 19);
    for (const key of ['a', 'b', 'a', 'b']) await remembered.read(key, LIMIT);
    expect(reads).toEqual(['a', 'b', 'b']);
  });

  it('does not remember that an object was absent', async () => {
    const { store } = await watched();
    const remembered = rememberedReads(store, 100);
    await expect(remembered.read('c', LIMIT)).rejects.toMatchObject({ code: 'storage/not-found' });
    await remembered.create('c', Buffer.from('now'));
    expect(await text(remembered.read('c', LIMIT))).toBe('now');
  });

  it('forgets what this process deletes, and has room for the next object', async () => {
    const { store, reads } = await watched();
    const remembered = rememberedReads(store, 10);
    await remembered.read('a', LIMIT);
    await remembered.delete(['a']);
    await writeFile(join(root, 'a'), 'anew');
    expect(await text(remembered.read('a', LIMIT))).toBe('anew');
    expect(await text(remembered.read('a', LIMIT))).toBe('anew');
    expect(reads).toEqual(['a', 'a']);
  });
});
