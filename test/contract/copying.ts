import { expect, test } from 'vitest';
import type { ObjectStore } from '../../storage/store.ts';
import { keptDocuments } from '../../storage/wrapped/kept-documents.ts';
import { meteredReads } from '../../storage/wrapped/metered-reads.ts';
import { rememberedObjects } from '../../storage/wrapped/remembered-objects.ts';
import { rememberedReads } from '../../storage/wrapped/remembered-reads.ts';
import { throttledReads } from '../../storage/wrapped/throttled-reads.ts';
import { collect, reusing, sha256, someBytes, text } from './bytes.ts';
import { PART_BYTES, type Subject } from './subjects.ts';

const SIZES = [0, 11, PART_BYTES, 2 * PART_BYTES + 1];
const KEYS = ['sets/x.pack', 'sets/ü +%/x.pack'];

/** The promises of `copyFrom`, between any two kinds of store. */
export function copying(from: Subject, to: Subject): void {
  test.each(SIZES)(
    `an object of %i bytes is copied from ${from.name} to ${to.name}`,
    async (bytes) => {
      const [source, target] = [await from.open(), await to.open()];
      for (const key of KEYS) {
        const content = someBytes(bytes);
        await source.upload(key, reusing(content, 1_000_000));
        const made = await target.copyFrom(source, key);
        expect(made).toMatchObject({ key, bytes });
        expect(sha256(await collect(target.get(key)))).toBe(sha256(content));
        expect(await target.head(key)).toMatchObject({ bytes, etag: made.etag });
      }
      expect(await Array.fromAsync(target.pendingUploads(''))).toEqual([]);
    },
  );

  test(`a copy from ${from.name} to ${to.name} overwrites nothing and fails without its source`, async () => {
    const [source, target] = [await from.open(), await to.open()];
    await source.create('x', text('theirs'));
    await target.create('x', text('mine'));
    await expect(target.copyFrom(source, 'x')).rejects.toMatchObject({ code: 'storage/exists' });
    expect(await collect(target.get('x'))).toEqual(text('mine'));
    await expect(target.copyFrom(source, 'absent')).rejects.toMatchObject({
      code: 'storage/not-found',
    });
    await expect(target.copyFrom(source, 'absent/x')).rejects.toMatchObject({
      code: 'storage/not-found',
    });
  });

  test(`a copy of several parts from ${from.name} to ${to.name} does not overwrite an object`, async () => {
    const [source, target] = [await from.open(), await to.open()];
    await source.upload('x', reusing(someBytes(2 * PART_BYTES + 1), 1_000_000));
    await target.create('x', text('mine'));
    await expect(target.copyFrom(source, 'x')).rejects.toMatchObject({ code: 'storage/exists' });
    expect(await collect(target.get('x'))).toEqual(text('mine'));
    expect(await Array.fromAsync(target.pendingUploads(''))).toEqual([]);
  });

  test(`a streamed copy from ${from.name} to ${to.name} can be cancelled and leaves nothing`, async () => {
    const [source, target] = [await from.open(), await to.open()];
    await source.upload('x', reusing(someBytes(3 * PART_BYTES), 1_000_000));
    const stop = new AbortController();
    const watched = whenReadPast(2 * PART_BYTES, source, () => stop.abort());
    const copy = target.copyFrom(watched, 'x', { signal: stop.signal });
    await expect(copy).rejects.toMatchObject({ code: 'interrupted' });
    expect(await target.head('x')).toBeUndefined();
    expect(await Array.fromAsync(target.pendingUploads(''))).toEqual([]);
  });

  test(`a streamed copy from ${from.name} to ${to.name} passes its source's error on and leaves nothing`, async () => {
    const [source, target] = [await from.open(), await to.open()];
    await source.upload('x', reusing(someBytes(3 * PART_BYTES), 1_000_000));
    const lost = new Error('connection lost');
    const failing = whenReadPast(2 * PART_BYTES, source, () => {
      throw lost;
    });
    await expect(target.copyFrom(failing, 'x')).rejects.toBe(lost);
    expect(await target.head('x')).toBeUndefined();
    expect(await Array.fromAsync(target.pendingUploads(''))).toEqual([]);
  });
}

const DECORATORS: Readonly<Record<string, (store: ObjectStore) => ObjectStore>> = {
  throttledReads: (store) => throttledReads(store, async () => undefined),
  rememberedReads: (store) => rememberedReads(store, 1_000_000),
  meteredReads: (store) => meteredReads(store, () => undefined),
  rememberedObjects: (store) =>
    rememberedObjects(store, { isWanted: () => true, bytesMax: 1_000_000 }),
  keptDocuments: (store) => keptDocuments(store, { prefix: 'r/', isStored: () => false }),
  'all decorators': (store) =>
    throttledReads(
      rememberedReads(
        meteredReads(store, () => undefined),
        1_000_000,
      ),
      async () => {},
    ),
};

/** The promise of `unwrap`: a server-side copy also works between wrapped stores. */
export function copyingWrapped(subject: Subject): void {
  test.each(Object.entries(DECORATORS))(
    'a copy between two stores wrapped by %s reads no byte through this process',
    async (_, decorate) => {
      const [source, target] = [await subject.open(), await subject.open()];
      for (const bytes of [11, 2 * PART_BYTES + 1]) {
        const key = `x${bytes}`;
        const content = someBytes(bytes);
        await source.upload(key, reusing(content, 1_000_000));
        const made = await decorate(target).copyFrom(decorate(unreadable(source)), key);
        expect(made.bytes).toBe(bytes);
        expect(sha256(await collect(target.get(key)))).toBe(sha256(content));
      }
    },
  );
}

/** The same store; it fails when a caller reads an object's bytes. */
function unreadable(store: ObjectStore): ObjectStore {
  const fail = () => {
    throw new Error('the copy read an object through this process');
  };
  return { ...store, get: fail, read: async () => fail() };
}

/**
 * The same objects in a store of its own, so that a copy streams them. It calls `callBack` in the
 * middle of an object.
 */
function whenReadPast(bytes: number, store: ObjectStore, callBack: () => void): ObjectStore {
  const watched: ObjectStore = {
    ...store,
    unwrap: () => watched,
    async *get(key, options) {
      let read = 0;
      for await (const chunk of store.get(key, options)) {
        read += chunk.length;
        if (read > bytes) callBack();
        yield chunk;
      }
    },
  };
  return watched;
}
