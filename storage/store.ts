/**
 * The port to object storage: what Stowage needs of a store, and nothing more. Two stores implement it
 * (`directory.ts`, `s3.ts`); one contract suite (`test/contract/store.test.ts`) holds both to these words.
 *
 * Keys are relative to the store's root, use `/`, and never start with one. No operation overwrites.
 */
export interface ObjectStore {
  /** Where this store is rooted, e.g. `s3://bucket/prefix` or `file:///mnt/backup`; never holds a secret. */
  readonly url: string;
  readonly kind: 'directory' | 's3';

  /**
   * The store that holds the objects: this one, or the one below all that wraps it. A server-side
   * copy works on that store. A decorator made by spreading a store keeps its `unwrap`.
   */
  unwrap(): ObjectStore;

  /**
   * Creates a small object in one atomic step: of any number of racing callers exactly one succeeds.
   * @throws StowageError `storage/exists` when the key exists, with whatever content.
   */
  create(key: string, body: Uint8Array, options?: CallOptions): Promise<StoredObject>;

  /**
   * Creates an object from a stream whose length nobody knows. Nothing is visible under the key before the stream has
   * ended well; when it throws, or `signal` fires, the upload is aborted and leaves nothing behind.
   * Chunks may be reused by the source once the next one is asked for: the store copies what it keeps.
   * Memory is bounded by the store's settings. Keys of streamed objects are unique by design (attempt, worker,
   * sequence); an existing key is still refused with `storage/exists` wherever the server lets us.
   * @throws StowageError `storage/too-large` past the largest object the store can hold.
   */
  upload(
    key: string,
    source: AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<StoredObject>;

  /**
   * Streams `length` bytes from `offset` (both optional: the whole object). Resumes by itself after a reset or a
   * stalled body; what it yields is contiguous and complete, or it throws.
   * @throws StowageError `storage/not-found`; `storage/changed` when the object is no longer the one first opened;
   * `storage/invalid` when the object is shorter than the range.
   */
  get(
    key: string,
    options?: CallOptions & { offset?: number; length?: number },
  ): AsyncIterable<Uint8Array>;

  /**
   * Reads a small object whole.
   * @throws StowageError `storage/too-large` when it has more than `bytesMax` bytes (nothing is read then).
   */
  read(key: string, options: CallOptions & { bytesMax: number }): Promise<Uint8Array>;

  /** Size, etag and time of an object, or undefined when there is none. */
  head(key: string, options?: CallOptions): Promise<StoredObject | undefined>;

  /** Every object whose key starts with `prefix`, in key order, any number of them. An absent prefix is empty, no error. */
  list(prefix: string, options?: CallOptions): AsyncIterable<StoredObject>;

  /**
   * The first path segments below `prefix` (which is empty or ends in `/`), in order, each ending in `/`: cheap on any
   * size of set. Relative to `prefix`: below `sets/`, the object `sets/20260131/x` gives `20260131/`.
   */
  listPrefixes(prefix: string, options?: CallOptions): AsyncIterable<string>;

  /**
   * Copies one object into this store, server-side where `from` is on the same endpoint (any size), else by streaming.
   * Create-only like `upload`; checks the size of what arrived.
   */
  copyFrom(from: ObjectStore, key: string, options?: CallOptions): Promise<StoredObject>;

  /** Removes objects; keys that are not there are no error. Only `expire` and `delete` call it. */
  delete(keys: readonly string[], options?: CallOptions): Promise<void>;

  /** Uploads that were begun under `prefix` and neither completed nor aborted. */
  pendingUploads(prefix: string, options?: CallOptions): AsyncIterable<PendingUpload>;

  /** Removes what a dead writer left; an upload that is gone is no error. */
  abortUpload(upload: PendingUpload, options?: CallOptions): Promise<void>;

  /** Closes connections. The store is not used afterwards. */
  close(): Promise<void>;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** Changes whenever the stored bytes are replaced; the same value from create, upload, head and list. */
  readonly etag?: string;
  readonly modifiedAt: Date;
}

export interface PendingUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly startedAt: Date;
}
