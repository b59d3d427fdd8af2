import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VerifyObject } from '../../backup-set/documents/restore/restore.ts';
import { hex } from '../../frame/hex.ts';
import { openStore } from '../../storage/open.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { noProgress, type ShipperDeps } from '../deps.ts';
import { verifiedBytes } from './verified-bytes.ts';
import { verifyObjects } from './verify-objects.ts';

let directory = '';
let store: ObjectStore;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-verify-'));
  store = await openStore({ root: `file://${directory}` });
});
afterAll(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

const bytes = Buffer.from('0123456789'.repeat(1000));
const PART = 100;
const name = { schema: 'public', name: 'orders' };

/** An object with these extents, as the manifest describes it. */
function described(key: string, parts: readonly number[]): VerifyObject {
  const extents = parts.map((n) => ({
    offset: n * PART,
    length: PART,
    crc32: hex(crc32(bytes.subarray(n * PART, (n + 1) * PART))),
    relation: name,
  }));
  return { key, bytes: bytes.length, crc32: hex(crc32(bytes)), extents };
}

function verify(
  objects: readonly VerifyObject[],
  signal = new AbortController().signal,
  kept = verifiedBytes(),
) {
  const deps: ShipperDeps = {
    store,
    signal,
    clock: () => new Date(0),
    log: pino({ level: 'silent' }),
    report: () => undefined,
    progress: noProgress(),
    throttle: async () => {},
  };
  const order = {
    format: 'stowage/order',
    version: 1,
    id: '20260131120000000-00000000',
    timestamp: '20260131120000',
    content: 3,
    phase: 'verify',
    objects: [...objects],
  } as never;
  return verifyObjects(order, 2, deps, kept);
}

async function put(key: string, change: (copy: Buffer) => Buffer = (copy) => copy): Promise<void> {
  await writeFile(join(directory, key), change(Buffer.from(bytes)));
}

const flip =
  (...places: number[]) =>
  (copy: Buffer) => {
    for (const at of places) copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };

describe('verifyObjects', () => {
  it('finds nothing when all bytes are as in the manifest', async () => {
    await put('good');
    const whole = { key: 'good', bytes: bytes.length, crc32: hex(crc32(bytes)) };
    expect(await verify([described('good', [0, 1, 2, 50, 99]), whole])).toEqual([]);
  });

  it('names every bad part with its relation and offset, not only the first', async () => {
    await put('flipped', flip(5, 110, 199, 5050));
    const problems = await verify([described('flipped', [0, 1, 2, 50])]);
    expect(problems.map(({ code, offset }) => [code, offset])).toEqual([
      ['digest-differs', 0],
      ['digest-differs', 100],
      ['digest-differs', 5000],
    ]);
    for (const problem of problems)
      expect(problem).toMatchObject({ content: 3, object: 'flipped', relation: name });
  });

  it('ignores bytes that the restore will not use', async () => {
    await put('elsewhere', flip(350));
    expect(await verify([described('elsewhere', [0, 1, 2, 4])])).toEqual([]);
  });

  it('continues after an object that is missing or cut off', async () => {
    await put('short', (copy) => copy.subarray(0, 5040));
    await put('bad', flip(0));
    const problems = await verify([
      described('missing', [0]),
      described('short', [0, 50]),
      { key: 'bad', bytes: bytes.length, crc32: hex(crc32(bytes)) },
    ]);
    expect(problems.map(({ code, object }) => `${object}: ${code}`).sort()).toEqual([
      'bad: digest-differs',
      'missing: object-missing',
      'short: size-differs',
    ]);
  });

  it('reports a wrong digest and the wrong size of the same object', async () => {
    await put('both', (copy) => flip(5)(copy).subarray(0, 5040));
    const problems = await verify([described('both', [0, 50, 99])]);
    expect(problems.map(({ code }) => code)).toEqual(['digest-differs', 'size-differs']);
  });

  it('reports the wrong size of an object that ends in the middle of a read', async () => {
    await put('tail', (copy) => flip(5)(copy).subarray(0, 150));
    const codes = (await verify([described('tail', [0, 1])])).map(({ code }) => code);
    expect(codes).toContain('size-differs');
  });

  it('finds an object that is longer than the manifest says', async () => {
    await put('longer', (copy) => Buffer.concat([copy, copy]));
    const whole = { key: 'longer', bytes: bytes.length, crc32: hex(crc32(bytes)) };
    expect(await verify([whole])).toMatchObject([{ code: 'size-differs', object: 'longer' }]);
  });

  it('keeps the bytes of a small correct range, and none of a range with a wrong digest', async () => {
    await put('right', (copy) => copy);
    await put('wrong', flip(150));
    const kept = verifiedBytes();
    await verify([described('right', [0, 1, 50]), described('wrong', [0, 1, 50])], undefined, kept);
    await rm(join(directory, 'right'));
    await rm(join(directory, 'wrong'));
    const read = (key: string, offset: number, length: number) =>
      Array.fromAsync(kept.servedFrom(store).get(key, { offset, length }));
    expect(Buffer.concat(await read('right', 0, 200)).equals(bytes.subarray(0, 200))).toBe(true);
    expect(Buffer.concat(await read('right', 5000, 100)).equals(bytes.subarray(5000, 5100))).toBe(
      true,
    );
    await expect(read('right', 0, 300)).rejects.toMatchObject({ code: 'storage/not-found' });
    await expect(read('wrong', 0, 100)).rejects.toMatchObject({ code: 'storage/not-found' });
  });
});
