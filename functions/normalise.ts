import * as z from 'zod';

/** An object that a sender says was created. */
export interface Created {
  readonly bucket?: string;
  readonly key: string;
}

const S3Record = z.object({
  // Minor versions only add fields.
  eventVersion: z.string().startsWith('2.'),
  eventSource: z.string(),
  eventName: z.string(),
  s3: z.object({ bucket: z.object({ name: z.string() }), object: z.object({ key: z.string().min(1) }) }),
});
type S3Record = z.infer<typeof S3Record>;

/** AWS, Ceph RGW, MinIO, RustFS, versitygw (its older releases without the object around) and the emulators. */
const S3Records = z
  .array(z.unknown())
  .transform((records) => ({ Records: records }))
  .or(z.object({ Records: z.array(z.unknown()) }));

/** `detail` carries no version that could be relied upon, and its keys are raw. */
const EventBridge = z.object({
  source: z.literal('aws.s3'),
  'detail-type': z.string(),
  detail: z.object({ bucket: z.object({ name: z.string() }), object: z.object({ key: z.string().min(1) }) }),
});

/** SNS over HTTP, or over SQS without raw delivery, wraps the body in text. */
const SnsEnvelope = z.object({ Type: z.literal('Notification'), Message: z.string() });

/**
 * What was created, from the body of a notification of any sender. Anything else (test events, deletions, shapes of
 * others) is an empty list: an event is only a hint, and what it does not tell, the sweeper finds. Pure.
 */
export function normalise(body: unknown): Created[] {
  const envelope = SnsEnvelope.safeParse(body);
  // Unwrapped once only: an envelope inside an envelope is nobody's.
  return unwrapped(envelope.success ? parsed(envelope.data.Message) : body);
}

function unwrapped(body: unknown): Created[] {
  const bridge = EventBridge.safeParse(body);
  if (bridge.success) {
    const { detail } = bridge.data;
    const isCreation = bridge.data['detail-type'] === 'Object Created';
    return isCreation ? [{ bucket: detail.bucket.name, key: detail.object.key }] : [];
  }
  const records = S3Records.safeParse(body);
  if (!records.success) return [];
  return records.data.Records.flatMap((candidate) => {
    const record = S3Record.safeParse(candidate);
    return record.success ? createdBy(record.data) : [];
  });
}

function createdBy(record: S3Record): Created[] {
  if (!/^(s3:)?ObjectCreated:/.test(record.eventName)) return [];
  const key = keyOf(record);
  return key === undefined ? [] : [{ bucket: record.s3.bucket.name, key }];
}

function keyOf({ eventSource, eventName, s3 }: S3Record): string | undefined {
  const { key } = s3.object;
  // Ceph writes the key as it is: decoding would corrupt `+` and `%`.
  if (eventSource === 'ceph:s3') return key;
  // So does versitygw, which calls itself aws:s3 but writes `s3:` before its events, as AWS never does.
  if (eventSource === 'aws:s3' && eventName.startsWith('s3:')) return key;
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Keys relative to the root, of those events that are about objects under it. */
export function underRoot(rootUrl: string, created: readonly Created[]): string[] {
  // A directory has no bucket, and nothing that announces: who does it all the same names keys as we do.
  const [, bucket, path = ''] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(rootUrl) ?? [];
  const prefix = path === '' || path.endsWith('/') ? path : `${path}/`;
  return created
    .filter((event) => bucket === undefined || event.bucket === bucket)
    .filter(({ key }) => key.startsWith(prefix))
    .map(({ key }) => key.slice(prefix.length));
}
