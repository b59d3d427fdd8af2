import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { normalise, underRoot } from './normalise.ts';

const RECEIPT = 'sets/20260131/20260131010203/receipts/0/1-1-000001.json';
const SEAL = 'sets/20260131/20260131010203/seal.json';
const ROOT = 's3://backups/a b+c%d';

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), 'utf8'));

describe('normalise', () => {
  it.each([
    ['ceph-rgw', [RECEIPT, SEAL]],
    ['aws-s3', [RECEIPT, SEAL]],
    ['sns-envelope', [RECEIPT, SEAL]],
    ['minio', [RECEIPT, SEAL]],
    ['versitygw', [RECEIPT, SEAL]],
    ['eventbridge', [RECEIPT]],
    ['aws-test-event', []],
  ])('%s: finds what was created, as the keys are in the store', (name, expected) => {
    const created = normalise(fixture(name));
    expect(created.every(({ bucket }) => bucket === 'backups')).toBe(true);
    expect(underRoot(ROOT, created)).toEqual(expected);
  });

  it('takes a bare list of records, as older versitygw sends it', () => {
    const { Records } = fixture('versitygw') as { Records: object[] };
    expect(underRoot(ROOT, normalise(Records))).toEqual([RECEIPT, SEAL]);
  });

  it('does not decode what Ceph wrote raw', () => {
    const record = (key: string) => ({
      eventVersion: '2.2',
      eventSource: 'ceph:s3',
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: 'b' }, object: { key } },
    });
    expect(normalise({ Records: [record('100%'), record('a+b'), record('%2F')] })).toEqual([
      { bucket: 'b', key: '100%' },
      { bucket: 'b', key: 'a+b' },
      { bucket: 'b', key: '%2F' },
    ]);
  });

  it('keeps the good records beside broken ones', () => {
    const [good] = (fixture('aws-s3') as { Records: object[] }).Records;
    const later = { ...good, eventVersion: '3.0' };
    const undecodable = { ...good, s3: { bucket: { name: 'backups' }, object: { key: '%E0%A4%A' } } };
    expect(normalise({ Records: [null, 7, {}, later, undecodable, good] })).toHaveLength(1);
  });

  it.each([
    undefined,
    null,
    7,
    'text',
    [],
    {},
    { Records: {} },
    { Type: 'Notification', Message: 'no JSON' },
    { Type: 'SubscriptionConfirmation', SubscribeURL: 'https://example.com' },
  ])('takes %j for no news', (body) => {
    expect(normalise(body)).toEqual([]);
  });
});

describe('underRoot', () => {
  it('drops other buckets, other prefixes, and prefixes that only begin alike', () => {
    const created = [
      { bucket: 'b', key: `p/${SEAL}` },
      { bucket: 'other', key: `p/${SEAL}` },
      { bucket: 'b', key: SEAL },
      { bucket: 'b', key: `pp/${SEAL}` },
    ];
    expect(underRoot('s3://b/p', created)).toEqual([SEAL]);
    expect(underRoot('s3://b', [{ bucket: 'b', key: SEAL }])).toEqual([SEAL]);
    expect(underRoot('file:///mnt/b', [{ key: SEAL }])).toEqual([SEAL]);
  });
});
