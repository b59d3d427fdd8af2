import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../../storage/store.ts';
import { cephPlace, type Place, withoutCeph } from '../../support/e2e/place.ts';
import { REPEATS } from '../../support/repeats/repeats.ts';
import { keysOf, verdictsOf } from '../functions/place.ts';
import { storeAll } from '../functions/sets.ts';
import { hostileSet, KEYS, TIMESTAMP } from './set.ts';

const GIB = 1024 ** 3;
/** For Node, the AWS SDK and the function. Reading the receipt would need twice its size. */
const PEAK_MIB_MAX = 384;

describe.skipIf(withoutCeph || !REPEATS)('on Ceph RGW', () => {
  let place: Place;
  let store: ObjectStore;
  beforeAll(async () => {
    place = await cephPlace();
    store = await place.open(place.newRoot());
  });
  afterAll(async () => {
    await store?.close();
    await place?.stop();
  });

  test('a receipt of a gibibyte of garbage from a multipart upload is reported without reading it', async () => {
    await storeAll(
      store,
      hostileSet({}).filter(({ key }) => key !== KEYS.receipt),
    );
    await store.upload(KEYS.receipt, nonsense(GIB));
    const given = { seal: KEYS.seal, timestamp: TIMESTAMP, ...place.storage };
    const child = fileURLToPath(new URL('child.ts', import.meta.url));
    const args = [child, 'stitch', store.url, JSON.stringify(given)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { peakMiB, error } = JSON.parse(stdout) as { peakMiB: number; error?: unknown };
    process.stderr.write(`hostile: stitch on Ceph peaked at ${Math.round(peakMiB)} MiB\n`);
    expect(error).toBeUndefined();
    expect(peakMiB).toBeLessThan(PEAK_MIB_MAX);
    const [verdict] = await verdictsOf(store);
    expect(verdict).toMatchObject({ status: 'damaged' });
    expect(verdict?.problems.map(({ object }) => object)).toContain(KEYS.receipt);
    expect(await keysOf(store)).not.toContain(KEYS.manifest);
  });
});

async function* nonsense(bytes: number): AsyncGenerator<Uint8Array> {
  const block = Buffer.alloc(1024 * 1024, '{"format":');
  for (let sent = 0; sent < bytes; sent += block.length) yield block;
}
