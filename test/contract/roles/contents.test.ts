import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { cephPolicy } from '../../../infra/ceph/bucket-policy.mjs';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { type Ceph, startCeph } from '../../support/ceph/ceph.ts';
import { someBytes, text } from '../bytes.ts';

// A host whose keys are limited to its own contents, on a server that enforces the policy.
const BUCKET = 'by-content';
let ceph: Ceph;
let host: ObjectStore;

beforeAll(async () => {
  ceph = await startCeph();
  await ceph.createBucket(BUCKET);
  const { env } = await ceph.createUser('host1');
  const users = [{ role: 'Shipper', user: 'host1', contents: [1, 12] }];
  const policy = cephPolicy({ bucket: BUCKET, prefix: 'shop/', owner: 'stowage', users });
  await ceph.client.send(
    new PutBucketPolicyCommand({ Bucket: BUCKET, Policy: JSON.stringify(policy) }),
  );
  Object.assign(process.env, env);
  host = await openStore({
    root: `s3://${BUCKET}/shop`,
    s3: { endpoint: ceph.endpoint, attemptsMax: 2 },
  });
});
afterAll(async () => {
  await host?.close();
  await ceph?.stop();
});

const timestamp = '20260131010203';
const keysOf = (content: number, sequence = 1) => {
  const shipment = { timestamp, content, attempt: 1, worker: 1, sequence };
  return [
    formatKey({ kind: 'pack', ...shipment }),
    formatKey({ kind: 'receipt', ...shipment }),
    formatKey({ kind: 'metadata', timestamp, content, attempt: sequence, file: 'schema.dump' }),
  ];
};

test('a shipper of contents 1 and 12 creates and uploads their objects, and those of no other content', async () => {
  for (const content of [1, 12])
    for (const key of keysOf(content)) await host.create(key, text('x'));
  const [pack = ''] = keysOf(1, 2);
  async function* source() {
    yield someBytes(6 * 1024 * 1024);
  }
  await host.upload(pack, source());
  for (const content of [0, 2, 11, 121, -1])
    for (const key of keysOf(content)) {
      await expect(host.create(key, text('forged')), key).rejects.toMatchObject({
        code: 'storage/denied',
      });
      await expect(host.upload(key, source()), key).rejects.toMatchObject({
        code: 'storage/denied',
      });
    }
});
