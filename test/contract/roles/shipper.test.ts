import { CreateBucketCommand, PutObjectAclCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { openStore } from '../../../storage/open.ts';
import { probeStore } from '../../../storage/probe.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { BUCKET, type StowageRoles, startStowageRoles } from '../../support/ceph/stowage-roles.ts';
import { type FaultyProxy, startFaultyProxy } from '../../support/servers/faulty-proxy.ts';
import { collect, reusing, someBytes, text } from '../bytes.ts';
import { PART_BYTES } from '../subjects.ts';

// What an attacker can do with a shipper's credentials, through Stowage's own store. roles.test.ts
// tries the whole table of roles.
let at: StowageRoles;
let proxy: FaultyProxy;
let shipper: ObjectStore;
let owner: ObjectStore;

const timestamp = '20260131010203';
const seal = formatKey({ kind: 'seal', timestamp });
const numbered = (kind: 'pack' | 'receipt', sequence: number) =>
  formatKey({ kind, timestamp, content: 0, attempt: 1, worker: 1, sequence });

beforeAll(async () => {
  at = await startStowageRoles();
  proxy = await startFaultyProxy(at.ceph.endpoint);
  owner = await at.store('owner');
  await owner.create(seal, text('seal'));
  shipper = await at.store('Shipper', proxy.endpoint);
});
afterAll(async () => {
  await proxy?.stop();
  await at?.stop();
});

const denied = { code: 'storage/denied' };
const inBucket = (key: string) => ({ Bucket: BUCKET, Key: at.key(key) });

test('a shipper creates and uploads, and gets the etags without the right to read', async () => {
  const small = await shipper.create(numbered('receipt', 1), text('{}'));
  const big = await shipper.upload(
    numbered('pack', 1),
    reusing(someBytes(3 * PART_BYTES), 1_000_000),
  );
  expect(await owner.head(small.key)).toMatchObject({ bytes: 2, etag: small.etag });
  expect(await owner.head(big.key)).toMatchObject({ bytes: 3 * PART_BYTES, etag: big.etag });
});

test('a shipper whose source fails leaves no upload', async () => {
  async function* source() {
    yield someBytes(2 * PART_BYTES);
    throw new Error('connection lost');
  }
  await expect(shipper.upload(numbered('pack', 2), source())).rejects.toThrow('connection lost');
  expect(await Array.fromAsync(owner.pendingUploads(''))).toEqual([]);
});

test('a shipper cannot read, list, delete or overwrite any object, also not its own', async () => {
  const { key } = await shipper.create(numbered('receipt', 2), text('{}'));
  await expect(collect(shipper.get(seal))).rejects.toMatchObject(denied);
  await expect(collect(shipper.get(key))).rejects.toMatchObject(denied);
  await expect(Array.fromAsync(shipper.list(''))).rejects.toMatchObject(denied);
  await expect(Array.fromAsync(shipper.pendingUploads(''))).rejects.toMatchObject(denied);
  await expect(shipper.delete([key])).rejects.toMatchObject(denied);
  await expect(shipper.create(seal, text('forged'))).rejects.toMatchObject(denied);
  await expect(shipper.create(key, text('forged'))).rejects.toMatchObject({
    code: 'storage/exists',
  });
  expect(await collect(owner.get(seal))).toEqual(text('seal'));
});

test('a shipper cannot make its own object public', async () => {
  const { key } = await shipper.create(numbered('receipt', 3), text('{}'));
  const open = new PutObjectAclCommand({ ...inBucket(key), ACL: 'public-read' });
  await expect(at.client('Shipper').send(open)).rejects.toMatchObject({
    $metadata: { httpStatusCode: 403 },
  });
});

// Versions and create-only together need a Ceph release newer than 16.
test('the probe reports that a versioned bucket of Ceph 16 ignores the condition of a create', async () => {
  const { client } = at.ceph;
  await client.send(
    new CreateBucketCommand({ Bucket: 'versioned', ObjectLockEnabledForBucket: true }),
  );
  Object.assign(process.env, at.ceph.env);
  const store = await openStore({
    root: 's3://versioned/shop',
    s3: { endpoint: at.ceph.endpoint },
  });
  const { checks } = await probeStore(store);
  await store.close();
  const bad = checks.filter(({ ok }) => !ok).map(({ name }) => name);
  expect(bad).toContain('conditional create');
});

test('a create whose response is lost fails with storage/exists, because a shipper cannot read', async () => {
  proxy.injectFault({ kind: 'drop-response' }, { when: ({ method }) => method === 'PUT' });
  const create = shipper.create(numbered('receipt', 5), text('{}'));
  await expect(create).rejects.toMatchObject({ code: 'storage/exists' });
});

test('wrong credentials fail with storage/denied, and the message does not contain the secret', async () => {
  process.env['AWS_SECRET_ACCESS_KEY'] = 'not-the-secret-of-anyone';
  const store = await openStore({ root: `s3://${BUCKET}/shop`, s3: { endpoint: proxy.endpoint } });
  const error: unknown = await store.create('x', text('')).catch((caught: unknown) => caught);
  expect(error).toMatchObject(denied);
  expect(String(error)).not.toContain('not-the-secret-of-anyone');
});
