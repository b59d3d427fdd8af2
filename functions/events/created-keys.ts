import * as z from 'zod';

/** An object that a sender says was created. */
export interface Created {
  readonly bucket: string;
  readonly key: string;
}

/** Why an entry of a notification names no created key, and the entry itself, for the log. */
export interface Ignored {
  readonly reason:
    | 'unknown-format'
    | 'test-event'
    | 'not-a-creation'
    | 'undecodable-key'
    | 'too-many-records'
    | 'other-bucket'
    | 'other-prefix';
  readonly what: string;
}

export interface CreatedKeys {
  /** Keys relative to the root, of any kind. */
  readonly keys: readonly string[];
  readonly ignored: readonly Ignored[];
}

/**
 * Senders put one record into a body, AWS a few. A body of commas must not give 500,000 records.
 */
const RECORDS_MAX = 10_000;
/** How much of an ignored entry the log quotes. */
const WHAT_CHARS_MAX = 200;

const S3Record = z.object({
  // Minor versions only add fields.
  eventVersion: z.string().startsWith('2.'),
  eventSource: z.string(),
  eventName: z.string(),
  s3: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({ key: z.string().min(1) }),
  }),
});
type S3Record = z.infer<typeof S3Record>;

/** AWS, Ceph RGW, MinIO, RustFS, the emulators, and versitygw (older releases: a bare array). */
const S3Records = z
  .array(z.unknown())
  .transform((records) => ({ Records: records }))
  .or(z.object({ Records: z.array(z.unknown()) }));

/** AWS and versitygw send it when notifications are configured. */
const TestEvent = z.object({ Event: z.literal('s3:TestEvent') });

/** `detail` has no reliable version, and its keys are not encoded. */
const EventBridge = z.object({
  source: z.literal('aws.s3'),
  'detail-type': z.string(),
  detail: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({ key: z.string().min(1) }),
  }),
});

/** SNS over HTTP, or over SQS without raw delivery, wraps the body in text. */
const SnsEnvelope = z.object({ Type: z.literal('Notification'), Message: z.string() });

/**
 * The keys that a notification of any sender says were created under a root. Everything else in
 * it (test events, deletions, other buckets, unknown shapes) is ignored with a reason: an event is
 * only a hint, and the sweeper finds the rest. Pure.
 */
export function createdKeys(rootUrl: string, body: unknown): CreatedKeys {
  const seen = normalise(body);
  const under = seen.map((one) => ('reason' in one ? one : underRoot(rootUrl, one)));
  return {
    keys: under.filter((one) => typeof one === 'string'),
    ignored: under.filter((one) => typeof one !== 'string'),
  };
}

function normalise(body: unknown): (Created | Ignored)[] {
  const envelope = SnsEnvelope.safeParse(body);
  // Unwrapped only once: no sender puts an envelope into an envelope.
  return unwrapped(envelope.success ? parsed(envelope.data.Message) : body);
}

function unwrapped(body: unknown): (Created | Ignored)[] {
  const bridge = EventBridge.safeParse(body);
  if (bridge.success) return [fromBridge(bridge.data)];
  if (TestEvent.safeParse(body).success) return [ignored('test-event', body)];
  const records = S3Records.safeParse(body);
  if (!records.success) return [ignored('unknown-format', body)];
  const { Records } = records.data;
  if (Records.length > RECORDS_MAX)
    return [ignored('too-many-records', `${Records.length} records`)];
  return Records.map((candidate) => {
    const record = S3Record.safeParse(candidate);
    return record.success ? fromRecord(record.data) : ignored('unknown-format', candidate);
  });
}

function fromBridge({
  'detail-type': type,
  detail,
}: z.infer<typeof EventBridge>): Created | Ignored {
  const { bucket, object } = detail;
  if (type !== 'Object Created') return ignored('not-a-creation', `${type} ${object.key}`);
  return { bucket: bucket.name, key: object.key };
}

/** MinIO and RustFS report changes of an object's tags and retention as creations. */
const CREATION = /^(?:s3:)?ObjectCreated:(?!Put(?:Tagging|Retention|LegalHold|Acl)|DeleteTagging)/;

function fromRecord(record: S3Record): Created | Ignored {
  const { eventName, s3 } = record;
  if (!CREATION.test(eventName)) return ignored('not-a-creation', `${eventName} ${s3.object.key}`);
  const key = keyOf(record);
  return key === undefined
    ? ignored('undecodable-key', s3.object.key)
    : { bucket: s3.bucket.name, key };
}

function keyOf({ eventSource, eventName, s3 }: S3Record): string | undefined {
  const { key } = s3.object;
  // Ceph does not encode the key: decoding would corrupt `+` and `%`.
  if (eventSource === 'ceph:s3') return key;
  // Nor does versitygw: it calls itself aws:s3, but prefixes its events with `s3:`, unlike AWS.
  if (eventSource === 'aws:s3' && eventName.startsWith('s3:')) return key;
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/** The key relative to the root. A directory has no bucket, and its keys are relative already. */
function underRoot(rootUrl: string, { bucket, key }: Created): string | Ignored {
  const [, own, path = ''] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(rootUrl) ?? [];
  if (own !== undefined && bucket !== own) return ignored('other-bucket', `${bucket}/${key}`);
  const prefix = path === '' || path.endsWith('/') ? path : `${path}/`;
  return key.startsWith(prefix) ? key.slice(prefix.length) : ignored('other-prefix', key);
}

function ignored(reason: Ignored['reason'], what: unknown): Ignored {
  const text = typeof what === 'string' ? what : written(what);
  return { reason, what: text.slice(0, WHAT_CHARS_MAX) };
}

/** JSON.parse reads any depth of nesting; JSON.stringify overflows the stack on it. */
function written(what: unknown): string {
  try {
    return JSON.stringify(what) ?? 'nothing';
  } catch {
    return 'nested too deeply to be shown';
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
