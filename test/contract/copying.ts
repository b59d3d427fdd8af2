import { expect, test } from 'vitest';
import type { ObjectStore } from '../../storage/store.ts';
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

  test(`a copy from ${from.name} to ${to.name} overwrites nothing and needs its source`, async () => {
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

  test(`a copy from ${from.name} to ${to.name} can be ended and leaves nothing`, async () => {
    const [source, target] = [await from.open(), await to.open()];
    await source.upload('x', reusing(someBytes(3 * PART_BYTES), 1_000_000));
    const stop = new AbortController();
    const copy = target.copyFrom(
      whenReadPast(2 * PART_BYTES, source, () => stop.abort()),
      'x',
      { signal: stop.signal },
    );
    await expect(copy).rejects.toMatchObject({ code: 'interrupted' });
    expect(await target.head('x')).toBeUndefined();
    expect(await Array.fromAsync(target.pendingUploads(''))).toEqual([]);
  });
}

/** The same store, that calls back amid the bytes of an object. A stranger to the other store: it streams. */
function whenReadPast(bytes: number, store: ObjectStore, callBack: () => void): ObjectStore {
  return {
    ...store,
    async *get(key, options) {
      let read = 0;
      for await (const chunk of store.get(key, options)) {
        read += chunk.length;
        if (read > bytes) callBack();
        yield chunk;
      }
    },
  };
}
