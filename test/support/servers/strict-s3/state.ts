import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** What the server insists on. Tests change the rules of a running server. */
export interface Rules {
  /**
   * The digest that a PutObject and an UploadPart must carry: none, Content-MD5 or
   * x-amz-checksum-* (AWS for a bucket with Object Lock), or Content-MD5 (older servers).
   */
  digest: 'none' | 'any' | 'md5';
  /** The digest that DeleteObjects must carry. */
  deleteDigest: 'none' | 'any' | 'md5';
  /** Unlike AWS's rule, parts may carry checksums that the upload was not begun with. */
  lenientPartChecksums: boolean;
  /** The answer to a completion of a complete upload: AWS, MinIO, AWS with a condition. */
  completedAgain: 'done' | 'NoSuchUpload' | 'PreconditionFailed';
  /** How often an upload is aborted until it is gone: a part in flight brings it back. */
  abortsNeeded: number;
  /** `opaque`: not the MD5 of the bytes, as with SSE-KMS and SSE-C. */
  etags: 'md5' | 'opaque';
  /** Access keys that exist; undefined accepts every key. */
  accessKeys: ReadonlySet<string> | undefined;
  /** Access keys that may create objects and nothing else: HEAD, GET and lists get HTTP 403. */
  writeOnlyKeys: ReadonlySet<string>;
  /** What write-only access keys may read after all: the keys of objects that match. */
  readableToAll: RegExp | undefined;
  /** Objects that are listed, and that HEAD and GET refuse with HTTP 403, as a policy can. */
  withheld: ((key: string) => boolean) | undefined;
  /** Objects that a deletion refuses with HTTP 403. */
  undeletable: ((key: string) => boolean) | undefined;
  /** Session tokens that have expired. */
  expiredTokens: ReadonlySet<string>;
  /** The server's clock minus this host's: in the Date header and in the times of objects. */
  clockOffsetMs: number;
  /** A request that was signed more than 15 minutes from the server's clock is refused. */
  refusesSkew: boolean;
  /** Prefixes that lists return although no object is below them (`sets/20260101T000000Z/`). */
  ghostPrefixes: readonly string[];
}

export const rulesByDefault = (): Rules => ({
  digest: 'none',
  deleteDigest: 'none',
  lenientPartChecksums: false,
  completedAgain: 'done',
  abortsNeeded: 1,
  etags: 'md5',
  accessKeys: undefined,
  writeOnlyKeys: new Set(),
  readableToAll: undefined,
  withheld: undefined,
  undeletable: undefined,
  expiredTokens: new Set(),
  clockOffsetMs: 0,
  refusesSkew: false,
  ghostPrefixes: [],
});

export interface StoredBytes {
  readonly body: Buffer;
  /** Without quotes. */
  readonly etag: string;
  readonly modifiedAt: Date;
  readonly metadata: Readonly<Record<string, string>>;
  /** CRC-32 in base64, when the writer sent it. */
  readonly crc32: string | undefined;
}

export interface Upload {
  readonly bucket: string;
  readonly key: string;
  readonly startedAt: Date;
  readonly metadata: Readonly<Record<string, string>>;
  /** x-amz-checksum-algorithm of CreateMultipartUpload. */
  readonly algorithm: string | undefined;
  readonly parts: Map<number, StoredBytes>;
  isComplete: boolean;
  aborts: number;
}

export interface State {
  readonly rules: Rules;
  readonly buckets: Set<string>;
  /** By `bucket/key`. */
  readonly objects: Map<string, StoredBytes>;
  /** By upload id. */
  readonly uploads: Map<string, Upload>;
}

/** One request, read whole. */
export interface Exchange {
  readonly state: State;
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The access key that signed the request; empty without a signature. */
  readonly accessKey: string;
}

export const serverTime = ({ rules }: State): Date => new Date(Date.now() + rules.clockOffsetMs);

/** Bytes as the server keeps them, with the ETag that its rules give them. */
export function keep(state: State, body: Buffer, crc32: string | undefined): StoredBytes {
  const md5 = createHash('md5').update(body).digest('hex');
  const etag = state.rules.etags === 'md5' ? md5 : opaque(md5);
  return { body, etag, modifiedAt: serverTime(state), metadata: {}, crc32 };
}

/** An ETag that no client can compute. */
export const opaque = (md5: string): string =>
  createHash('md5').update(`secret ${md5}`).digest('hex');
