import { mkdir, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../storage/open.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { reusing, someBytes } from './bytes.ts';
import { copying, copyingWrapped } from './copying.ts';
import { listing } from './listing.ts';
import { locking } from './locking.ts';
import { reading } from './reading.ts';
import { BUCKET, cephSubject, directorySubject, PART_BYTES, strictSubject } from './subjects.ts';
import { writing } from './writing.ts';

// One suite checks the promises of storage/store.ts on every store.
const directory = directorySubject();
const ceph = cephSubject();
const strict = strictSubject();

beforeAll(async () => {
  await directory.start();
  await ceph.start();
  await strict.start();
});
afterAll(async () => {
  await strict.stop();
  await ceph.stop();
  await directory.stop();
});

describe.each([directory, ceph, strict])('$name', (subject) => {
  writing(subject);
  reading(subject);
  listing(subject);
  // What wraps a store is not the server's.
  if (subject !== strict) copyingWrapped(subject);
});

describe('Ceph RGW', () => {
  locking({
    client: () => ceph.ceph().client,
    open: (bucket) =>
      openStore({ root: `s3://${bucket}/shop`, s3: { endpoint: ceph.ceph().endpoint } }),
  });
});

describe('copies', () => {
  copying(directory, directory);
  copying(directory, ceph);
  copying(ceph, directory);
  copying(ceph, ceph);
  copying(strict, strict);
});

describe('an object that changes while it is read', () => {
  /** Reads one chunk, runs `meanwhile`, and reads the rest. */
  async function readAcross(store: ObjectStore, meanwhile: () => Promise<unknown>): Promise<void> {
    let isFirst = true;
    for await (const _ of store.get('x')) {
      if (isFirst) await meanwhile();
      isFirst = false;
    }
  }

  test('is detected in a directory, with the same size and with a smaller one', async () => {
    const store = await directory.open();
    await store.upload('x', reusing(someBytes(PART_BYTES), 1_000_000));
    const path = join(fileURLToPath(store.url), 'x');
    await expect(readAcross(store, () => utimes(path, 1, 1))).rejects.toMatchObject({
      code: 'storage/changed',
    });
    await expect(readAcross(store, () => truncate(path, 700_000))).rejects.toMatchObject({
      code: 'storage/changed',
    });
  });

  test('gets another etag in a directory', async () => {
    const store = await directory.open();
    const made = await store.create('x', Buffer.from('12345'));
    const path = join(fileURLToPath(store.url), 'x');
    const before = (await stat(path, { bigint: true })).mtimeNs;
    // A filesystem's clock advances in steps of some milliseconds: write until the time differs.
    do await writeFile(path, '54321');
    while ((await stat(path, { bigint: true })).mtimeNs === before);
    expect((await store.head('x'))?.etag).not.toBe(made.etag);
  });
});

test('a directory says that it has no locks', async () => {
  expect((await directory.open()).lock).toBeUndefined();
});

test('a directory does not list empty folders and files below .tmp that are not uploads', async () => {
  const store = await directory.open();
  await store.create('a/x', Buffer.from('1'));
  const root = fileURLToPath(store.url);
  await mkdir(join(root, 'empty/folder'), { recursive: true });
  await writeFile(join(root, '.tmp/not-ours'), '');
  expect(await Array.fromAsync(store.list(''), ({ key }) => key)).toEqual(['a/x']);
  expect(await Array.fromAsync(store.listPrefixes(''))).toEqual(['a/']);
  expect(await Array.fromAsync(store.pendingUploads(''))).toEqual([]);
});

test('a bucket does not list the folder markers that consoles create', async () => {
  const store = await ceph.open();
  await store.create('a/x', Buffer.from('1'));
  const marker = { Bucket: BUCKET, Key: `${store.url.split('/').at(-1)}/a/` };
  await ceph.ceph().client.send(new PutObjectCommand({ ...marker, Body: '' }));
  expect(await Array.fromAsync(store.list(''), ({ key }) => key)).toEqual(['a/x']);
  await ceph.ceph().client.send(new DeleteObjectCommand(marker));
});
