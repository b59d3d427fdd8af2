import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openStore } from '../../storage/open.ts';
import type { StoreSettings } from '../../storage/settings.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { type Ceph, startCeph } from '../support/ceph/ceph.ts';
import { type StrictS3, startStrictS3 } from '../support/servers/strict-s3/strict-s3.ts';

/** A kind of store under test, and all its differences from the others. */
export interface Subject {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** A new, empty root on the same server. */
  open(s3?: StoreSettings['s3']): Promise<ObjectStore>;
  /** Whether an upload of several parts rejects an existing key: Ceph 16 ignores the condition. */
  readonly rejectsLargeUploadOverExisting: boolean;
  /** Whether `a` and `a/b` can both be objects; MinIO then does not list `a/b`. */
  readonly objectMayBeFolder: boolean | 'not listed';
  /** The longest segment of a key. */
  readonly segmentBytesMax: number;
  /** Unfinished uploads are listed only for a whole key, not for a prefix: MinIO. */
  readonly listsUploadsByKeyOnly?: boolean;
  /** A part that is in flight at the abort of its upload brings the upload back: versitygw. */
  readonly abortedUploadMayReturn?: boolean;
  /** Folders whose objects were all deleted are listed for some time: SeaweedFS. */
  readonly listsEmptiedFolders?: boolean;
}

/** The smallest part size of S3, so that a few MiB cross several part borders. */
export const PART_BYTES = 5 * 1024 * 1024;

export function directorySubject(): Subject {
  let root: string;
  return {
    name: 'directory',
    rejectsLargeUploadOverExisting: true,
    objectMayBeFolder: false,
    segmentBytesMax: 255,
    start: async () => {
      root = await mkdtemp(join(tmpdir(), 'store-'));
    },
    stop: () => rm(root, { recursive: true, force: true }),
    open: () => openStore({ root: pathToFileURL(join(root, randomUUID())).href }),
  };
}

export const BUCKET = 'contract';

export function cephSubject(): Subject & { ceph(): Ceph } {
  let ceph: Ceph;
  return {
    name: 'Ceph RGW',
    rejectsLargeUploadOverExisting: false,
    objectMayBeFolder: true,
    segmentBytesMax: 900,
    ceph: () => ceph,
    start: async () => {
      ceph = await startCeph();
      Object.assign(process.env, ceph.env);
      await ceph.createBucket(BUCKET);
    },
    stop: () => ceph?.stop(),
    open: (s3) =>
      openStore({
        root: `s3://${BUCKET}/${randomUUID()}`,
        s3: { endpoint: ceph.endpoint, partBytes: PART_BYTES, copyPartBytes: PART_BYTES, ...s3 },
      }),
  };
}

export function strictSubject(): Subject {
  let strict: StrictS3;
  return {
    name: 'strict S3',
    rejectsLargeUploadOverExisting: false,
    objectMayBeFolder: true,
    segmentBytesMax: 900,
    start: async () => {
      strict = await startStrictS3();
      process.env['AWS_ACCESS_KEY_ID'] ??= 'any';
      process.env['AWS_SECRET_ACCESS_KEY'] ??= 'secret';
    },
    stop: () => strict?.stop(),
    open: (s3) =>
      openStore({
        root: `${strict.root}/${randomUUID()}`,
        s3: { endpoint: strict.endpoint, partBytes: PART_BYTES, copyPartBytes: PART_BYTES, ...s3 },
      }),
  };
}
