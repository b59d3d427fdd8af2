import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createdKeys, type Ignored } from './created-keys.ts';

const SET = 'sets/20260131/20260131010203';
const RECEIPT = `${SET}/receipts/0/1-1-000001.json`;
const SEAL = `${SET}/seal.json`;
const MANIFEST = `${SET}/manifest.json`;
const GONE = 'gone.json';
const ROOT = `s3://backups/a b+c%d'é"`;

interface Request {
  readonly body: unknown;
}
const requestsIn = (name: string) =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), 'utf8')) as Request[];

const CAPTURED: Readonly<
  Record<string, { keys: string[]; ignored: Ignored['reason'][]; root?: string }>
> = {
  'ceph-rgw': {
    keys: [RECEIPT, SEAL, MANIFEST, GONE],
    ignored: ['not-a-creation', 'other-bucket'],
  },
  versitygw: {
    keys: [RECEIPT, SEAL, MANIFEST, GONE],
    ignored: ['test-event', 'not-a-creation', 'not-a-creation'],
  },
  minio: { keys: [RECEIPT, SEAL, MANIFEST, GONE], ignored: ['not-a-creation', 'not-a-creation'] },
  rustfs: { keys: [RECEIPT, SEAL], ignored: ['not-a-creation'] },
  'aws-s3': { keys: [RECEIPT, SEAL], ignored: ['not-a-creation', 'test-event'] },
  'aws-eventbridge': { keys: [RECEIPT], ignored: [] },
  'ministack-s3': {
    keys: [RECEIPT, SEAL, MANIFEST, GONE],
    ignored: ['test-event', 'not-a-creation'],
  },
  'ministack-eventbridge': {
    keys: [RECEIPT, SEAL, MANIFEST, GONE],
    ignored: ['not-a-creation'],
    root: ROOT.replace('backups', 'bridged'),
  },
  'ministack-sns-sqs': {
    keys: [RECEIPT, SEAL, MANIFEST, GONE],
    ignored: ['test-event', 'not-a-creation'],
  },
  'ministack-sns-http': {
    keys: [SEAL, MANIFEST, GONE],
    ignored: ['unknown-format', 'not-a-creation'],
  },
};

const record = (key: string, more: object = {}) => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  eventName: 'ObjectCreated:Put',
  s3: { bucket: { name: 'backups' }, object: { key } },
  ...more,
});
const raw = (key: string) => record(key, { eventSource: 'ceph:s3' });

describe('createdKeys', () => {
  it.each(Object.entries(CAPTURED))(
    'returns the stored keys of created objects from notifications of %s',
    (name, { keys, ignored, root = ROOT }) => {
      const news = requestsIn(name).map(({ body }) => createdKeys(root, body));
      expect(news.flatMap((some) => some.keys)).toEqual(keys);
      expect(news.flatMap((some) => some.ignored.map(({ reason }) => reason))).toEqual(ignored);
    },
  );

  it('has a case for every fixture', () => {
    const files = readdirSync(new URL('fixtures', import.meta.url)).filter((name) =>
      name.endsWith('.json'),
    );
    expect(files.toSorted()).toEqual(
      Object.keys(CAPTURED)
        .map((name) => `${name}.json`)
        .toSorted(),
    );
  });

  it.each([
    ['a space', 'a b', 'a+b'],
    ['a plus', 'a+b', 'a%2Bb'],
    ['a per cent', '100%', '100%25'],
    ['what looks encoded', '%2F', '%252F'],
    ['unicode', 'é/日本/🗄', '%C3%A9/%E6%97%A5%E6%9C%AC/%F0%9F%97%84'],
    ['quotes', `'"\``, '%27%22%60'],
    ['control characters', 'a\nb\0', 'a%0Ab%00'],
  ])(
    'reads a key with %s from senders that encode keys and from those that do not',
    (_, key, encoded) => {
      expect(createdKeys('s3://backups', { Records: [record(encoded)] }).keys).toEqual([key]);
      expect(createdKeys('s3://backups', { Records: [raw(key)] }).keys).toEqual([key]);
    },
  );

  it('accepts a bare array of records, as older versitygw releases send it', () => {
    const lists = requestsIn('versitygw').map(
      ({ body }) => (body as { Records?: object[] }).Records ?? [],
    );
    expect(lists.flatMap((records) => createdKeys(ROOT, records).keys)).toEqual([
      RECEIPT,
      SEAL,
      MANIFEST,
      GONE,
    ]);
  });

  it('names ignored records with a reason, and keeps the valid ones', () => {
    const body = {
      Records: [
        null,
        7,
        record(SEAL, { eventVersion: '3.0' }),
        record('%E0%A4%A'),
        record(SEAL, { eventName: 'ObjectRemoved:Delete' }),
        record(SEAL, { eventName: 's3:ObjectCreated:PutRetention' }),
        record(`p/${SEAL}`, { s3: { bucket: { name: 'other' }, object: { key: `p/${SEAL}` } } }),
        record(SEAL),
        record(`pp/${SEAL}`),
        record(`p/${SEAL}`),
      ],
    };
    const news = createdKeys('s3://backups/p', body);
    expect(news.keys).toEqual([SEAL]);
    expect(news.ignored).toMatchObject([
      { reason: 'unknown-format', what: 'null' },
      { reason: 'unknown-format', what: '7' },
      { reason: 'unknown-format' },
      { reason: 'undecodable-key', what: '%E0%A4%A' },
      { reason: 'not-a-creation', what: `ObjectRemoved:Delete ${SEAL}` },
      { reason: 'not-a-creation', what: `s3:ObjectCreated:PutRetention ${SEAL}` },
      { reason: 'other-bucket', what: `other/p/${SEAL}` },
      { reason: 'other-prefix', what: SEAL },
      { reason: 'other-prefix', what: `pp/${SEAL}` },
    ]);
  });

  it('returns keys under a directory without a bucket', () => {
    expect(createdKeys('file:///mnt/b', { Records: [record(SEAL)] }).keys).toEqual([SEAL]);
  });

  it('ignores a body with too many records as a whole', () => {
    const { keys, ignored } = createdKeys(
      's3://backups',
      Array<unknown>(10_001).fill(record(SEAL)),
    );
    expect(keys).toEqual([]);
    expect(ignored).toEqual([{ reason: 'too-many-records', what: '10001 records' }]);
  });

  it('quotes at most 200 characters of an unknown entry', () => {
    const [ignored] = createdKeys('s3://backups', { long: 'x'.repeat(100_000) }).ignored;
    expect(ignored?.what.length).toBeLessThanOrEqual(200);
  });

  it('ignores a body of deeply nested arrays', () => {
    const body: unknown = JSON.parse(`${'['.repeat(400_000)}${']'.repeat(400_000)}`);
    expect(createdKeys('s3://backups', body)).toMatchObject({
      keys: [],
      ignored: [{ reason: 'unknown-format' }],
    });
  });

  it.each([
    undefined,
    null,
    7,
    'text',
    {},
    { Records: {} },
    { Type: 'Notification', Message: 'no JSON' },
    { Type: 'Notification', Message: JSON.stringify({ Type: 'Notification', Message: '{}' }) },
    { Type: 'SubscriptionConfirmation', SubscribeURL: 'https://example.com' },
  ])('returns no key for %j', (body) => {
    expect(createdKeys('s3://backups', body)).toMatchObject({
      keys: [],
      ignored: [{ reason: 'unknown-format' }],
    });
  });
});
