import { execFile } from 'node:child_process';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { eachInFlight } from '../../../async/each-in-flight.ts';
import { formatKey, receiptsPrefix } from '../../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { fileOf, freshDeps, keysOf, verdictsOf } from '../functions/place.ts';
import { type Stored, storeAll } from '../functions/sets.ts';
import { hostileSet, KEYS, setOfFrame, soundReceipt, TIMESTAMP } from './set.ts';

const GIB = 1024 ** 3;
/** A function on AWS has at least twice that; Node itself takes 60 to 90 MiB. */
const PEAK_MIB_MAX = 256;

const child = fileURLToPath(new URL('child.ts', import.meta.url));

interface ChildResult {
  readonly result?: unknown;
  readonly error?: { readonly code?: string; readonly message: string; readonly where?: unknown };
  readonly peakMiB: number;
}

/** Runs an operation in a child process, and returns its result and peak memory. */
async function runInChild(
  what: 'stitch' | 'verify' | 'fetch',
  store: ObjectStore,
  more: object = {},
): Promise<ChildResult> {
  const args = [
    child,
    what,
    store.url,
    JSON.stringify({ seal: KEYS.seal, timestamp: TIMESTAMP, ...more }),
  ];
  const ended = JSON.parse(
    (await promisify(execFile)(process.execPath, args)).stdout,
  ) as ChildResult;
  process.stderr.write(`hostile: ${what} peaked at ${Math.round(ended.peakMiB)} MiB\n`);
  return ended;
}

/** A sparse file of 1 GiB, which takes no disk space. */
async function sparse(store: ObjectStore, key: string, bytes = GIB): Promise<void> {
  const path = fileOf(store, key);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '');
  await truncate(path, bytes);
}

const without = (documents: readonly Stored[], key: string) =>
  documents.filter((stored) => stored.key !== key);

describe('a gibibyte of garbage', () => {
  it.each(['receipt', 'sealPart', 'plan', 'seal'] as const)(
    'as %s is reported without reading it',
    async (name) => {
      const { store } = await freshDeps();
      await storeAll(store, without(hostileSet({}), KEYS[name]));
      await sparse(store, KEYS[name]);
      const { peakMiB, error } = await runInChild('stitch', store);
      expect(error).toBeUndefined();
      expect(peakMiB).toBeLessThan(PEAK_MIB_MAX);
      const [verdict] = await verdictsOf(store);
      expect(verdict).toMatchObject({ status: 'damaged' });
      expect(verdict?.problems.map(({ object }) => object)).toContain(KEYS[name]);
      expect(await keysOf(store)).not.toContain(KEYS.manifest);
    },
  );

  it('as a receipt that no seal names does not delay the others', async () => {
    const { store } = await freshDeps();
    await storeAll(store, hostileSet({}));
    await sparse(store, formatKey({ ...soundReceipt(), kind: 'receipt', attempt: 9 }));
    expect((await runInChild('stitch', store)).peakMiB).toBeLessThan(PEAK_MIB_MAX);
    expect(await verdictsOf(store)).toMatchObject([{ level: 'validate', status: 'complete' }]);
  });
});

it('50,000 foreign keys among the receipts do not keep a set from being committed', async () => {
  const { store } = await freshDeps();
  await storeAll(store, hostileSet({}));
  const prefix = receiptsPrefix(TIMESTAMP);
  const names = Array.from({ length: 50_000 }, (_, at) =>
    at % 2 === 0
      ? formatKey({ ...soundReceipt(), kind: 'receipt', attempt: 1 + (at % 9998), worker: 7 })
      : `${prefix}0/junk ${at}`,
  );
  await eachInFlight(new Set(names), 32, (key) => writeFile(fileOf(store, key), 'junk'));
  const { peakMiB, result } = await runInChild('stitch', store);
  expect(result).toMatchObject({ sets: 1, statuses: { complete: 1 }, problems: [] });
  expect(peakMiB).toBeLessThan(PEAK_MIB_MAX);
  expect(await verdictsOf(store)).toMatchObject([{ level: 'validate', status: 'complete' }]);
});

describe('a decompression bomb', () => {
  const BLOCK = 128 * 1024;
  const crcOf = (bomb: Uint8Array) => crc32(bomb).toString(16).padStart(8, '0');

  it.each([
    ['10 GiB of zeros, more than its receipt says', 10 * GIB, 20],
    ['1 GiB of zeros, as its receipt says', GIB, GIB],
  ])('is reported by verify and restore: %s', async (_, grown, bytes) => {
    const { store } = await freshDeps();
    const bomb = bombOf(grown / BLOCK);
    const crc = crcOf(bomb);
    const documents = setOfFrame(bomb, bytes, crc);
    await storeAll(store, documents);
    await runInChild('stitch', store);
    const object = soundReceipt().object.key;

    const verify = await runInChild('verify', store);
    expect(verify.result).toMatchObject({
      status: 'damaged',
      problems: [
        { code: 'frame-unreadable', content: 0, object, offset: 0, relation: { name: 'a' } },
      ],
    });
    expect(verify.peakMiB).toBeLessThan(PEAK_MIB_MAX);

    const extent = { key: object, offset: 0, length: bomb.length, rows: 10, bytes, crc32: crc };
    const fetch = await runInChild('fetch', store, { extent });
    expect(fetch.error).toMatchObject({ code: 'set/damaged', where: { object, offset: 0 } });
    expect(fetch.peakMiB).toBeLessThan(PEAK_MIB_MAX);
  });

  it('an order whose key leads out of the root reads nothing', async () => {
    const { store } = await freshDeps();
    const extent = {
      key: '../../../../etc/passwd',
      offset: 0,
      length: 9,
      rows: 1,
      bytes: 9,
      crc32: '00000000',
    };
    expect((await runInChild('fetch', store, { extent })).error).toMatchObject({
      code: 'storage/invalid',
    });
  });
});

/** One zstd frame (RFC 8878) of RLE blocks: each is one byte, repeated 131,072 times. */
function bombOf(blocks: number): Buffer {
  const frame = Buffer.alloc(4 + 2 + blocks * 4 + 4);
  frame.writeUInt32LE(0xfd2fb528, 0);
  // Header: checksum at the end, no content size, window of 128 KiB.
  frame.writeUInt8(0x04, 4);
  frame.writeUInt8(0x38, 5);
  for (let block = 0; block < blocks; block += 1) {
    const isLast = block === blocks - 1 ? 1 : 0;
    frame.writeUIntLE((131_072 << 3) | (1 << 1) | isLast, 6 + block * 4, 3);
  }
  return frame;
}
