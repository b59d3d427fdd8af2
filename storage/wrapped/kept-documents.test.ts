import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDirectory } from '../directory/directory.ts';
import type { ObjectStore } from '../store.ts';
import { keptDocuments } from './kept-documents.ts';

const LIMIT = { bytesMax: 1000 };
const ONE = Buffer.from('one');

let root = '';
let below: ObjectStore;
let store: ObjectStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stowage-kept-'));
  below = openDirectory(root);
  store = keptDocuments(below, { prefix: 'r/1/', isStored: (key) => key.endsWith('plan.json') });
});
afterEach(() => rm(root, { recursive: true, force: true }));

const keysOf = async (of: ObjectStore, prefix: string) =>
  (await Array.fromAsync(of.list(prefix))).map(({ key }) => key);

describe('keptDocuments', () => {
  it('answers from memory what it does not store', async () => {
    await store.create('r/1/orders/b', ONE);
    await store.create('r/1/orders/a', ONE);
    expect(Buffer.from(await store.read('r/1/orders/a', LIMIT))).toEqual(ONE);
    expect(await store.head('r/1/orders/a')).toMatchObject({ bytes: 3 });
    expect(await keysOf(store, 'r/1/orders/')).toEqual(['r/1/orders/a', 'r/1/orders/b']);
    const range = { offset: 1, length: 1 };
    expect(Buffer.concat(await Array.fromAsync(store.get('r/1/orders/a', range)))).toEqual(
      Buffer.from('n'),
    );
    expect(await keysOf(below, 'r/')).toEqual([]);
  });

  it('rejects the second writer of a key, as the store does', async () => {
    for (const key of ['r/1/orders/a', 'r/1/plan.json']) {
      await store.create(key, ONE);
      await expect(store.create(key, ONE)).rejects.toMatchObject({ code: 'storage/exists' });
    }
    await below.create('r/1/other/plan.json', ONE);
    await expect(store.create('r/1/other/plan.json', ONE)).rejects.toMatchObject({
      code: 'storage/exists',
    });
  });

  it('stores what others read, and reads what another writer has stored under such a key', async () => {
    await store.create('r/1/plan.json', ONE);
    expect(await keysOf(below, 'r/')).toEqual(['r/1/plan.json']);
    await below.create('r/1/x/plan.json', Buffer.from('theirs'));
    expect(Buffer.from(await store.read('r/1/x/plan.json', LIMIT)).toString()).toBe('theirs');
    expect(await store.head('r/1/x/plan.json')).toBeUndefined();
  });

  it('does not see documents that another writer has put below the prefix', async () => {
    await below.create('r/1/receipts/0', Buffer.from('forged'));
    expect(await keysOf(store, 'r/1/receipts/')).toEqual([]);
    await expect(store.read('r/1/receipts/0', LIMIT)).rejects.toMatchObject({
      code: 'storage/not-found',
    });
  });

  it('passes all other keys on', async () => {
    await store.create('r/2/orders/a', ONE);
    expect(await keysOf(below, 'r/')).toEqual(['r/2/orders/a']);
    expect(await store.head('r/2/orders/a')).toMatchObject({ bytes: 3 });
  });

  it('rejects a kept object that is larger than the caller accepts', async () => {
    await store.create('r/1/orders/a', ONE);
    await expect(store.read('r/1/orders/a', { bytesMax: 2 })).rejects.toMatchObject({
      code: 'storage/too-large',
    });
  });
});
