import { checkFolder, checkKey, checkPrefix } from '../check-key.ts';
import { exactly, notFound } from '../ranges.ts';
import type { S3Settings } from '../settings.ts';
import type { CallOptions, ObjectStore, StoredObject } from '../store.ts';
import { connectS3, type S3 } from './client.ts';
import { canCopyWithin, copyObject } from './copy.ts';
import { getObject, readObject } from './get.ts';
import { headObject } from './head.ts';
import { deleteObjects, listFolders, listObjects, listUploads } from './list.ts';
import { putObject } from './put.ts';
import { abortUpload, uploadStream } from './upload.ts';

/** Connections of the S3 stores of this process, for copies that need not pass through it. */
const connections = new WeakMap<ObjectStore, S3>();

/** For what the port does not offer; undefined for a store that is no S3. */
export function connectionOf(store: ObjectStore): S3 | undefined {
  return connections.get(store.unwrap());
}

/**
 * A store in a bucket, on AWS or any server that speaks S3. Credentials come by the SDK's default chain.
 *
 * Differences between servers: an existing key is refused atomically by `create` and by uploads of one part
 * everywhere; by uploads of several parts and by copies on AWS only (s3-upload.ts, s3-copy.ts).
 */
export function openS3(bucket: string, prefix: string, settings: S3Settings): ObjectStore {
  const s3 = connectS3(bucket, prefix, settings);
  const store: ObjectStore = {
    url: s3.url,
    kind: 's3',
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
    copyFrom: (from, key, options) => copy(store, s3, from, key, options),
    async delete(keys, options = {}) {
      keys.forEach(checkKey);
      await deleteObjects(s3, keys, options);
    },
    async *pendingUploads(prefix, options = {}) {
      checkPrefix(prefix);
      yield* listUploads(s3, prefix, options);
    },
    async abortUpload({ key, uploadId }, options = {}) {
      checkKey(key);
      await abortUpload(s3, key, uploadId, options.signal);
    },
    async close() {
      s3.close();
    },
  };
  connections.set(store, s3);
  return store;
}

/** Server-side within one endpoint (the credentials are the process's, so the same); by streaming from anywhere else. */
async function copy(
  store: ObjectStore,
  to: S3,
  from: ObjectStore,
  key: string,
  options: CallOptions = {},
): Promise<StoredObject> {
  checkKey(key);
  const source = await from.head(key, options);
  if (source === undefined) throw notFound(key, from.url);
  const fromS3 = connections.get(from.unwrap());
  if (fromS3 !== undefined && canCopyWithin(to, fromS3, source)) {
    return copyObject(to, fromS3, key, source, options);
  }
  return store.upload(key, exactly(key, source.bytes, from.get(key, options)), options);
}
