import { describe, expect, it } from 'vitest';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { verifiedBytes } from './verified-bytes.ts';

const set = { timestamp: '20260131120000', content: 0, attempt: 1 } as const;
const PACK = formatKey({ kind: 'pack', ...set, worker: 1, sequence: 1 });
const SCHEMA = formatKey({ kind: 'metadata', ...set, file: 'schema.dump' });
const object = Buffer.from('0123456789');

/** A store with the same object under every key, and the keys that were read. */
function recordingStore() {
  const reads: string[] = [];
  const store = {
    async *get(key: string, { offset = 0, length }: { offset?: number; length?: number } = {}) {
      reads.push(key);
      yield object.subarray(offset, length === undefined ? undefined : offset + length);
    },
    async read(key: string) {
      reads.push(key);
      return object;
    },
  } as unknown as ObjectStore;
  return { store, reads };
}

const textOf = async (chunks: AsyncIterable<Uint8Array>) =>
  Buffer.concat(await Array.fromAsync(chunks)).toString();

describe('verified bytes', () => {
  it('serve any range inside them, and a whole object, without a read of the store', async () => {
    const { store, reads } = recordingStore();
    const kept = verifiedBytes();
    kept.keep({ key: PACK, offset: 2, length: 5 }, object.subarray(2, 7), false);
    kept.keep({ key: SCHEMA, offset: 0, length: 10 }, object, true);
    const served = kept.servedFrom(store);
    expect(await textOf(served.get(PACK, { offset: 2, length: 5 }))).toBe('23456');
    expect(await textOf(served.get(PACK, { offset: 4, length: 2 }))).toBe('45');
    expect(await textOf(served.get(SCHEMA))).toBe('0123456789');
    expect(Buffer.from(await served.read(SCHEMA, { bytesMax: 10 })).toString()).toBe('0123456789');
    expect(reads).toEqual([]);
  });

  it('do not serve a range that is larger', async () => {
    const { store, reads } = recordingStore();
    const kept = verifiedBytes();
    kept.keep({ key: PACK, offset: 2, length: 5 }, object.subarray(2, 7), false);
    const served = kept.servedFrom(store);
    expect(await textOf(served.get(PACK, { offset: 6, length: 2 }))).toBe('67');
    expect(await textOf(served.get(PACK, { offset: 1, length: 2 }))).toBe('12');
    expect(await textOf(served.get(PACK))).toBe('0123456789');
    expect(await textOf(served.get(SCHEMA))).toBe('0123456789');
    expect(reads).toEqual([PACK, PACK, PACK, SCHEMA]);
  });

  it('take at most 32 MiB, and packs are freed by forgetRows', async () => {
    const { store, reads } = recordingStore();
    const kept = verifiedBytes();
    const MiB = 1024 * 1024;
    kept.keep({ key: PACK, offset: 0, length: 30 * MiB }, object, false);
    kept.keep({ key: SCHEMA, offset: 0, length: MiB }, object, true);
    expect(kept.hasRoomFor(MiB)).toBe(true);
    expect(kept.hasRoomFor(MiB + 1)).toBe(false);
    kept.forgetRows();
    expect(kept.hasRoomFor(31 * MiB)).toBe(true);
    expect(kept.hasRoomFor(32 * MiB)).toBe(false);
    await textOf(kept.servedFrom(store).get(PACK, { offset: 0, length: 1 }));
    await textOf(kept.servedFrom(store).get(SCHEMA));
    expect(reads).toEqual([PACK]);
  });
});
