import { describe, expect, test } from 'vitest';
import { openStore } from './open.ts';
import type { StoreSettings } from './settings.ts';

describe('openStore', () => {
  test.each([
    ['file:///mnt/backup', 'directory', 'file:///mnt/backup'],
    ['file:///mnt/with%20space/', 'directory', 'file:///mnt/with%20space'],
    ['s3://bucket', 's3', 's3://bucket'],
    ['s3://bucket/', 's3', 's3://bucket'],
    ['s3://my.bucket-1/a/b/', 's3', 's3://my.bucket-1/a/b'],
  ])('opens %s without contacting a server', async (root, kind, url) => {
    const store = await openStore({ root, s3: { endpoint: 'http://127.0.0.1:9' } });
    expect(store).toMatchObject({ kind, url });
    await store.close();
  });

  test.each([
    '/mnt/backup',
    'http://server/bucket',
    'file://server/share',
    's3://',
    's3://Not_A_Bucket',
    's3://bucket:9000/x',
    's3://bucket/a//b',
    's3://bucket/%zz',
    's3://bucket/x?versioning=on',
    '',
  ])('rejects the root %j and names the field', async (root) => {
    const refusal = { code: 'config/invalid', where: { field: 'root' } };
    await expect(openStore({ root })).rejects.toMatchObject(refusal);
  });

  test('rejects a root with credentials without repeating them', async () => {
    const error: unknown = await openStore({ root: 's3://AKIA:hunter2@bucket/x' }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ code: 'config/invalid' });
    expect(String(error)).not.toContain('hunter2');
  });
});

test.each([
  ['s3.endpoint', { endpoint: 'ftp://server' }],
  ['s3.endpoint', { endpoint: 'server:9000' }],
  ['s3.partBytes', { partBytes: 1024 }],
  ['s3.partsInFlight', { partsInFlight: 0 }],
  ['s3.attemptsMax', { attemptsMax: 1.5 }],
])('openStore names the invalid field %s', async (field, s3: NonNullable<StoreSettings['s3']>) => {
  const refusal = { code: 'config/invalid', where: { field } };
  await expect(openStore({ root: 's3://bucket', s3 })).rejects.toMatchObject(refusal);
});

test('openStore rejects and names an unknown setting', async () => {
  const s3 = { partByte: 8_388_608 } as NonNullable<StoreSettings['s3']>;
  await expect(openStore({ root: 's3://bucket', s3 })).rejects.toThrow('partByte');
});
