import { checkFolder, checkKey, checkPrefix } from '../check-key.ts';
import { exists, notFound } from '../errors.ts';
import type { S3Settings } from '../settings.ts';
import type { CallOptions, ObjectStore, StoredObject } from '../store.ts';
import { connectS3, type S3 } from './connection/client.ts';
import { getObject, readObject } from './get.ts';
import { headObject } from './head.ts';
import { deleteObjects, listFolders, listObjects, listUploads } from './list.ts';
import { lockOf } from './lock/lock.ts';
import { lastPartAt } from './parts/last-part.ts';
import { serverNow } from './server-now.ts';
import { abortUpload } from './write/abort.ts';
import { canCopyWithin, copyObject } from './write/copy.ts';
import { putObject } from './write/put.ts';
import { storeStream } from './write/store-stream.ts';
import { uploadStream } from './write/upload.ts';

/** The connections of the S3 stores of this process, for server-side copies. */
const connections = new WeakMap<ObjectStore, S3>();

/** For operations that are not part of the port; undefined for a store that is not S3. */
export function connectionOf(store: ObjectStore): S3 | undefined {
  return connections.get(store.unwrap());
}

/**
 * A store in a bucket, on AWS or on another S3 server. Credentials come from the SDK's default
 * chain.
 *
 * Differences between servers: all of them reject an existing key atomically in `create` and in
 * uploads of one part. Only AWS does so in uploads of several parts and in copies.
 */
export function openS3(
  bucket: string,
  prefix: string,
  settings: S3Settings,
  stallSeconds?: number,
): ObjectStore {
  const s3 = connectS3(bucket, prefix, settings, stallSeconds);
  const store: ObjectStore = {
    url: s3.url,
    kind: 's3',
    lock: lockOf(s3),
    unwrap: () => store,
    async create(key, body, options) {
      checkKey(key);
      return putObject(s3, key, body, options);
    },
    async upload(key, source, options) {
      checkKey(key);
      return uploadStream(s3, key, source, options);
    },
    async *get(key, options = {}) {
      checkKey(key);
      yield* getObject(s3, key, options);
    },
    async read(key, options) {
      checkKey(key);
      return readObject(s3, key, options);
    },
    async head(key, options) {
      checkKey(key);
      return headObject(s3, key, options);
    },
    async *list(prefix, options = {}) {
      checkPrefix(prefix);
      yield* listObjects(s3, prefix, options);
    },
    async *listPrefixes(prefix, options = {}) {
      checkFolder(prefix);
      yield* listFolders(s3, prefix, options);
    },
    async copyFrom(from, key, options) {
      checkKey(key);
      return copy(s3, from, key, options);
    },
    async delete(keys, options = {}) {
      keys.forEach(checkKey);
      await deleteObjects(s3, keys, options);
    },
    async *pendingUploads(prefix, options = {}) {
      checkPrefix(prefix);
      yield* listUploads(s3, prefix, options);
    },
    lastWrittenAt: (upload, options = {}) => lastPartAt(s3, upload, options),
    async abortUpload({ key, uploadId }, options = {}) {
      checkKey(key);
      await abortUpload(s3, key, uploadId, options.signal);
    },
    now: (options) => serverNow(s3, options),
    async close() {
      s3.close();
    },
  };
  connections.set(store, s3);
  return store;
}

/**
 * Copies on the server when both stores have the same endpoint: all stores of a process have the
 * same credentials. Streams from any other store. The key is checked first: only AWS rejects an
 * existing key at the end of a copy, and there the check saves the copy.
 */
async function copy(
  to: S3,
  from: ObjectStore,
  key: string,
  options: CallOptions = {},
): Promise<StoredObject> {
  const source = await from.head(key, options);
  if (source === undefined) throw notFound(key, from.url);
  if ((await headObject(to, key, options)) !== undefined) throw exists(key);
  const fromS3 = connectionOf(from);
  if (fromS3 !== undefined && canCopyWithin(to, fromS3, source)) {
    return copyObject(to, fromS3, source, options);
  }
  return storeStream(to, key, { chunks: from.get(key, options), bytes: source.bytes }, options);
}
