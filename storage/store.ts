import type { CallOptions } from './call-options.ts';
import type { ObjectLock } from './lock.ts';

export type { CallOptions };

/**
 * The port to object storage: what Stowage needs of a store. Two stores implement it (directory/,
 * s3/); one contract suite (test/contract/store.test.ts) checks both.
 *
 * Keys are relative to the store's root, use `/`, and never start with one. No operation
 * overwrites.
 */
export interface ObjectStore {
  /** The root, such as `s3://bucket/prefix` or `file:///mnt/backup`. Never contains a secret. */
  readonly url: string;
  readonly kind: 'directory' | 's3';

  /** Locks on objects. Undefined: a store of this kind has none. */
  readonly lock: ObjectLock | undefined;

  /**
   * The store that holds the objects: this one, or the one below all that wraps it. A server-side
   * copy works on that store. A decorator made by spreading a store keeps its `unwrap`.
   */
  unwrap(): ObjectStore;

  /**
   * Creates a small object in one atomic step: of any number of racing calls exactly one succeeds.
   * @throws StowageError `storage/exists` when the key exists, whatever its content.
   */
  create(key: string, body: Uint8Array, options?: WriteOptions): Promise<StoredObject>;

  /**
   * Creates an object from a stream of unknown length. The object is not visible before the stream
   * has ended without error. When the stream throws or `signal` fires, the upload is aborted and
   * leaves nothing behind. The source may reuse a chunk's memory when the next chunk is requested:
   * the store copies what it keeps. The store's settings bound the memory. Keys of streamed objects
   * are unique by design (attempt, worker, sequence); an existing key is also rejected with
   * `storage/exists` on every server that supports it.
   * @throws StowageError `storage/too-large` when the stream exceeds the store's largest object.
   */
  upload(
    key: string,
    source: AsyncIterable<Uint8Array>,
    options?: WriteOptions,
  ): Promise<StoredObject>;

  /**
   * Streams `length` bytes from `offset` (both optional: the whole object). Continues by itself
   * after a reset or a stalled body. Yields all bytes in order, or throws.
   * @throws StowageError `storage/not-found`; `storage/changed` when the object is no longer the
   * one first opened; `storage/invalid` when the object is shorter than the range.
   */
  get(key: string, options?: CallOptions & ByteRange): AsyncIterable<Uint8Array>;

  /**
   * Reads a whole small object.
   * @throws StowageError `storage/too-large`, before any byte is read, when the object has more
   * than `bytesMax` bytes.
   */
  read(key: string, options: CallOptions & { readonly bytesMax: number }): Promise<Uint8Array>;

  /** Size, ETag and time of an object; undefined when there is none. */
  head(key: string, options?: CallOptions): Promise<StoredObject | undefined>;

  /** Every object whose key starts with `prefix`, in key order. No objects is not an error. */
  list(prefix: string, options?: CallOptions): AsyncIterable<StoredObject>;

  /**
   * The distinct first path segments below `prefix` (empty or ending in `/`), in order, each ending
   * in `/`: below `sets/`, the object `sets/20260131/x` gives `20260131/`. Cheap for any set size.
   */
  listPrefixes(prefix: string, options?: CallOptions): AsyncIterable<string>;

  /**
   * Copies an object of any size into this store: on the server when `from` is on the same
   * endpoint, otherwise by streaming. Create-only, and it checks the size of the copy.
   */
  copyFrom(from: ObjectStore, key: string, options?: CallOptions): Promise<StoredObject>;

  /** Removes objects. A missing key is not an error. Only `delete` and the probe call it. */
  delete(keys: readonly string[], options?: CallOptions): Promise<void>;

  /** Uploads below `prefix` that were begun and neither completed nor aborted. */
  pendingUploads(prefix: string, options?: CallOptions): AsyncIterable<PendingUpload>;

  /**
   * When a byte of an upload was last stored, by the store's clock. A slow upload that was begun
   * long ago is still alive.
   */
  lastWrittenAt(upload: PendingUpload, options?: CallOptions): Promise<Date>;

  /** Removes an upload that its writer abandoned. One that no longer exists is not an error. */
  abortUpload(upload: PendingUpload, options?: CallOptions): Promise<void>;

  /**
   * The store's present time, to one or two seconds: the clock that gives `modifiedAt` and
   * `startedAt`. Compare these with it, never with the clock of this host, which can be hours off.
   */
  now(options?: CallOptions): Promise<Date>;

  /** Closes connections. The store must not be used afterwards. */
  close(): Promise<void>;
}

export interface WriteOptions extends CallOptions {
  /**
   * Only this run can name the key. After a retry of our own, an object at this key then counts as
   * ours even if it cannot be read. The readers compare it with its receipt (docs/design/0009).
   * Never for a key that decides a race: plan, manifest, claim, verdict.
   */
  readonly ownKey?: boolean | undefined;
}

export interface ByteRange {
  readonly offset?: number | undefined;
  readonly length?: number | undefined;
}

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** Changes when the stored bytes are replaced. Create, upload, head and list return the same. */
  readonly etag?: string | undefined;
  readonly modifiedAt: Date;
}

export interface PendingUpload {
  readonly key: string;
  readonly uploadId: string;
  /** By the store's clock. In a directory: when a byte was last written. */
  readonly startedAt: Date;
}
