/**
 * `node test/bench/parts/upload.ts`: compares Stowage's part pump with lib-storage's Upload. Both
 * send the same random bytes to the same Ceph gateway, in turns. Prints CPU seconds of this process
 * per GB, and GB/s. Design note 8 explains why Stowage has its own part pump.
 */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { openStore } from '../../../storage/open.ts';
import { startCeph } from '../../support/ceph/ceph.ts';

const MIB = 1024 * 1024;
const BYTES = 256 * MIB;
const ROUNDS = 3;
const block = randomBytes(MIB);

async function* bytes(): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < BYTES; sent += block.length) yield block;
}

const ceph = await startCeph();
try {
  Object.assign(process.env, ceph.env);
  await ceph.createBucket('bench');
  const { endpoint, region } = ceph;
  const store = await openStore({ root: 's3://bench', s3: { endpoint, region, partsInFlight: 3 } });
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  for (let round = 0; round < ROUNDS; round++) {
    await measure('stowage part pump', () => store.upload(`ours-${round}`, bytes()));
    const theirs = {
      Bucket: 'bench',
      Key: `theirs-${round}`,
      Body: Readable.from(bytes(), { objectMode: false }),
    };
    await measure('lib-storage Upload', () =>
      new Upload({ client, params: theirs, partSize: 8 * MIB, queueSize: 3 }).done(),
    );
  }
  await store.close();
  client.destroy();
} finally {
  await ceph.stop();
}

async function measure(name: string, work: () => Promise<unknown>): Promise<void> {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `${name}: ${((user + system) / 1e6 / (BYTES / 1e9)).toFixed(1)} CPU s/GB, ${(BYTES / 1e9 / seconds).toFixed(2)} GB/s`,
  );
}
