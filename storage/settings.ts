import * as z from 'zod';

const MIB = 1024 * 1024;

const CREDENTIALS = 'give the keys by the AWS_… variables or by ~/.aws';

/** A URL is printed, logged and sent to shippers, so no secret may be in it. */
function hasCredentials(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.username !== '' || url.password !== '');
}

/** Settings of an S3 server. The docs/configuration.md table explains each one to operators. */
export const S3Settings = z.strictObject({
  /** Any server but AWS: Ceph RGW, MinIO, versitygw, an emulator. Absent: AWS. */
  endpoint: z
    .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
    .refine((url) => !hasCredentials(url), `must not contain a user or password; ${CREDENTIALS}`)
    .optional(),
  region: z.string().min(1).optional(),
  forcePathStyle: z.boolean().optional(),
  /**
   * PEM file on the host of the process: the only authorities whose servers are trusted. Absent:
   * AWS_CA_BUNDLE, or Node's.
   */
  caFile: z.string().regex(/^\//, 'must be an absolute path').optional(),
  /** Parts in flight per upload. */
  partsInFlight: z.int().min(1).max(16).optional(),
  /**
   * Size of the first parts; later ones grow (s3/parts/sizes.ts). S3 rejects parts under 5 MiB,
   * except the last, and over 5 GiB. A part is held in memory, so the upper bound here is lower.
   */
  partBytes: z
    .int()
    .min(5 * MIB)
    .max(512 * MIB)
    .optional(),
  /** Objects up to this size are copied by one request; larger ones in parts of this size. */
  copyPartBytes: z
    .int()
    .min(5 * MIB)
    .max(5 * 1024 * MIB)
    .optional(),
  /** A body that sends nothing for this long has stalled: the request is cancelled and retried. */
  stallMs: z.int().min(100).max(3_600_000).optional(),
  attemptsMax: z.int().min(1).max(100).optional(),
  /** A request goes on for this long while the server asks to slow down; absent = 10. */
  throttleMinutes: z.number().min(0.01).max(1440).optional(),
  /** Whether each PUT and part carries a CRC-32 or an MD5; `auto` also when the server asks. */
  checksums: z.enum(['auto', 'required', 'never']).optional(),
});
export type S3Settings = z.infer<typeof S3Settings>;

/** What `openStore` takes. `root` is `file:///abs/path` or `s3://bucket/prefix`. */
export const StoreSettings = z.strictObject({
  root: z.string().min(1),
  s3: S3Settings.optional(),
  /** The retries of a request to a silent server end after this time; absent = 120. */
  stallSeconds: z.number().positive().optional(),
});
export type StoreSettings = z.infer<typeof StoreSettings>;

/** `root` in a configuration file. `openStore` checks the rest of the URL. */
export const StoreRoot = z
  .string()
  .regex(/^(file:\/\/\/|s3:\/\/[^/])/, 'must start with file:/// or s3://bucket')
  .refine((url) => !hasCredentials(url), `must not contain a user or password; ${CREDENTIALS}`);

/** The section `storage` of stowage.yaml and of agent.yaml. */
export const StorageSection = S3Settings.omit({ copyPartBytes: true })
  .extend({
    partBytes: S3Settings.shape.partBytes.unwrap().default(5 * MIB),
    partsInFlight: S3Settings.shape.partsInFlight.unwrap().default(6),
  })
  .prefault({});
