import { expect, test } from 'vitest';
import type { ObjectStore } from '../../storage/store.ts';
import { collect, reusing, someBytes, text } from './bytes.ts';
import { PART_BYTES, type Subject } from './subjects.ts';

const failsWith = (code: string): unknown => expect.objectContaining({ code });

/** Keys that a manifest written by an attacker could contain. */
const HOSTILE_KEYS = [
  '',
  '/etc/passwd',
  '../x',
  'a/../../x',
  'a/./x',
  'a//x',
  'a/',
  'a\0b',
  'a\nb',
  '\ud800',
  '.tmp/x',
  'k'.repeat(1025),
];

/** The promises of `get`, `read`, `head`, and of the keys they take. */
export function reading(subject: Subject): void {
  test.each([
    [0, 10],
    [3, 5],
    [9, 1],
    [0, 0],
    [5, 0],
    [10, 0],
    [4, undefined],
    [10, undefined],
    [undefined, 7],
    [undefined, undefined],
  ])('a read from offset %s of length %s yields exactly these bytes', async (offset, length) => {
    const store = await subject.open();
    const content = text('0123456789');
    await store.create('x', content);
    const range = { offset, length };
    const end = length === undefined ? undefined : (offset ?? 0) + length;
    expect(await collect(store.get('x', range))).toEqual(content.subarray(offset, end));
  });

  test.each([
    [0, 11],
    [9, 2],
    [10, 1],
    [11, undefined],
    [11, 0],
    [50, 7],
  ])(
    'a read from offset %i of length %s exceeds the object and is rejected without a byte',
    async (offset, length) => {
      const store = await subject.open();
      await store.create('x', text('0123456789'));
      const got: Uint8Array[] = [];
      const reading = async () => {
        for await (const chunk of store.get('x', { offset, length })) got.push(chunk);
      };
      await expect(reading()).rejects.toEqual(failsWith('storage/invalid'));
      expect(got).toEqual([]);
    },
  );

  test('a range across part borders yields the bytes in order', async () => {
    const store = await subject.open();
    const content = someBytes(3 * PART_BYTES);
    await store.upload('x', reusing(content, 1_000_000));
    const got = await collect(store.get('x', { offset: PART_BYTES - 5, length: PART_BYTES + 10 }));
    expect(got.equals(content.subarray(PART_BYTES - 5, 2 * PART_BYTES + 5))).toBe(true);
  });

  test('every read of an absent key fails with storage/not-found', async () => {
    const store = await subject.open();
    await store.create('folder/x', text('x'));
    for (const key of ['absent', 'folder', 'folder/x/y', 'absent/too']) {
      expect(await store.head(key)).toBeUndefined();
      await expect(collect(store.get(key))).rejects.toEqual(failsWith('storage/not-found'));
      await expect(collect(store.get(key, { length: 0 }))).rejects.toEqual(
        failsWith('storage/not-found'),
      );
      await expect(store.read(key, { bytesMax: 5 })).rejects.toEqual(
        failsWith('storage/not-found'),
      );
    }
  });

  test('a small object is read up to the limit, and rejected above it', async () => {
    const store = await subject.open();
    await store.create('x', text('0123456789'));
    expect(await store.read('x', { bytesMax: 10 })).toEqual(text('0123456789'));
    await expect(store.read('x', { bytesMax: 9 })).rejects.toEqual(failsWith('storage/too-large'));
  });

  test('a reader that stops early leaves the store usable', async () => {
    const store = await subject.open();
    await store.upload('x', reusing(someBytes(2 * PART_BYTES), 1_000_000));
    for (let round = 0; round < 20; round += 1) {
      for await (const chunk of store.get('x')) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
    }
    expect((await collect(store.get('x', { length: 100 }))).length).toBe(100);
  });

  test('a signal cancels a read, before its start and in the middle', async () => {
    const store = await subject.open();
    await store.upload('x', reusing(someBytes(3 * PART_BYTES), 1_000_000));
    const stop = new AbortController();
    const read = async () => {
      for await (const _ of store.get('x', { signal: stop.signal })) stop.abort();
    };
    await expect(read()).rejects.toEqual(failsWith('interrupted'));
    await expect(read()).rejects.toEqual(failsWith('interrupted'));
  });

  test('every operation rejects hostile keys', async () => {
    const store = await subject.open();
    const rejected = failsWith('storage/invalid');
    for (const key of HOSTILE_KEYS) {
      await expect(store.create(key, text('x'))).rejects.toEqual(rejected);
      await expect(store.upload(key, reusing(text('x'), 1))).rejects.toEqual(rejected);
      await expect(collect(store.get(key))).rejects.toEqual(rejected);
      await expect(store.head(key)).rejects.toEqual(rejected);
      await expect(store.read(key, { bytesMax: 1 })).rejects.toEqual(rejected);
      await expect(store.delete([key])).rejects.toEqual(rejected);
      await expect(store.copyFrom(store, key)).rejects.toEqual(rejected);
    }
    await expect(Array.fromAsync(store.list('../'))).rejects.toEqual(rejected);
    await expect(Array.fromAsync(store.listPrefixes('a/../'))).rejects.toEqual(rejected);
    await expect(Array.fromAsync(store.pendingUploads('/'))).rejects.toEqual(rejected);
  });

  test('unusual but valid keys are stored byte for byte', async () => {
    const store = await subject.open();
    const keys = [
      'a b',
      'a+b',
      'a%2Fb',
      'a&b<c>"d\'',
      'ü/€/😀',
      '..a',
      'a..',
      '~',
      'a\\b',
      '#?',
      's'.repeat(subject.segmentBytesMax),
    ];
    for (const key of keys) await store.create(key, text(key));
    for (const key of keys) expect(await read(store, key)).toBe(key);
    const listed = await Array.fromAsync(store.list(''), ({ key }) => key);
    expect(listed).toEqual(keys.toSorted((a, b) => Buffer.compare(text(a), text(b))));
  });
}

async function read(store: ObjectStore, key: string): Promise<string> {
  return Buffer.from(await store.read(key, { bytesMax: 1024 })).toString();
}
