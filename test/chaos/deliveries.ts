import { createdKeys } from '../../functions/events/created-keys.ts';
import type { Random } from './random.ts';

const SENDERS = ['aws', 'ceph', 'minio', 'eventbridge', 'sns', 'versitygw'] as const;
const BUCKET = 'bucket';
const ROOT = 'prefix/';

/** The root of a world, which is also the root in the plans of the test builders. */
export const ROOT_URL = `s3://${BUCKET}/prefix`;

/** The location of an object in a notification. */
export interface Place {
  readonly bucket: string;
  readonly prefix: string;
}

/** A notification of a new object from a random sender. Some are corrupt and must be ignored. */
export function bodyFor(
  random: Random,
  key: string,
  corruptShare: number,
  { bucket, prefix }: Place = { bucket: BUCKET, prefix: ROOT },
): string {
  const sender = random.pick(SENDERS);
  if (!random.chance(corruptShare)) return eventBody(sender, bucket, `${prefix}${key}`);
  const body = eventBody(sender, bucket, `${prefix}${key}`);
  switch (random.below(8)) {
    case 0:
      return body.slice(0, random.below(body.length));
    case 1:
      return eventBody(sender, 'another', `${ROOT}${key}`);
    case 2:
      return eventBody(sender, bucket, `${prefix}${corruptKey(random, key)}`);
    case 3:
      return eventBody(sender, BUCKET, `elsewhere/${key}`);
    case 4:
      return body
        .replace('ObjectCreated', 'ObjectRemoved')
        .replace('Object Created', 'Object Deleted');
    case 5:
      return JSON.stringify({
        Type: 'Notification',
        Message: eventBody('sns', bucket, `${prefix}${key}`),
      });
    case 6:
      return eventBody(sender, bucket, `${prefix}sets/../../${key}`);
    default:
      return random.pick([
        '',
        'null',
        '[]',
        '{"Records":{}}',
        '{"Event":"s3:TestEvent"}',
        '"',
        '[[[[1]]]]',
      ]);
  }
}

/** The keys that a receiver reads from a notification, as `stowage serve` does. */
export function keysIn(body: string): readonly string[] {
  try {
    return createdKeys(ROOT_URL, JSON.parse(body)).keys;
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

function corruptKey(random: Random, key: string): string {
  const at = random.below(key.length);
  return `${key.slice(0, at)}${random.pick(['', '0', '9', '/', '%', 'é', '\0'])}${key.slice(at + 1)}`;
}

function eventBody(sender: (typeof SENDERS)[number], bucket: string, key: string): string {
  const record = (eventSource: string, eventName: string, written: string) =>
    JSON.stringify({
      Records: [
        {
          eventVersion: '2.2',
          eventSource,
          eventName,
          s3: { bucket: { name: bucket }, object: { key: written } },
        },
      ],
    });
  const quoted = key.split('/').map(encodeURIComponent).join('/').replaceAll('%20', '+');
  switch (sender) {
    case 'aws':
      return record('aws:s3', 'ObjectCreated:Put', quoted);
    case 'ceph':
      return record('ceph:s3', 'ObjectCreated:Put', key);
    case 'minio':
      return record('minio:s3', 's3:ObjectCreated:Put', encodeURIComponent(key));
    case 'versitygw':
      return record('aws:s3', 's3:ObjectCreated:Put', key);
    case 'sns':
      return JSON.stringify({
        Type: 'Notification',
        Message: record('aws:s3', 'ObjectCreated:Put', quoted),
      });
    case 'eventbridge':
      return JSON.stringify({
        source: 'aws.s3',
        'detail-type': 'Object Created',
        detail: { bucket: { name: bucket }, object: { key } },
      });
  }
}
