import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { type Ceph, startCeph } from '../ceph/ceph.ts';

/** A store for one test file: it gives roots, and what a process needs to reach them. */
export interface Place {
  /** A folder for configuration files and other files of the test. */
  readonly folder: string;
  /** The `storage` part of stowage.yaml. */
  readonly storage: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
  /** Present when the store is Ceph. */
  readonly ceph?: Ceph;
  /** An unused root. Its bucket exists, if it has one. */
  newRoot(): string;
  /** Opens a root for the test itself, to inspect or to damage it. */
  open(root: string): Promise<ObjectStore>;
  stop(): Promise<void>;
}

export const BUCKET = 'stowage-e2e';

export async function directoryPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-e2e-'));
  return {
    folder,
    storage: {},
    env: {},
    newRoot: () => pathToFileURL(join(folder, `root-${randomUUID()}`)).href,
    open: (root) => openStore({ root }),
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

/**
 * A real Ceph gateway. Its keys are also set in the environment of the test, where the default
 * credential chain of the SDK finds them for `open`.
 */
export async function cephPlace(): Promise<Place & { readonly ceph: Ceph }> {
  const ceph = await startCeph();
  Object.assign(process.env, ceph.env);
  await ceph.createBucket(BUCKET);
  const folder = await mkdtemp(join(tmpdir(), 'stowage-e2e-'));
  const storage = { endpoint: ceph.endpoint };
  return {
    folder,
    storage,
    env: ceph.env,
    ceph,
    newRoot: () => `s3://${BUCKET}/${randomUUID()}`,
    open: (root) => openStore({ root, s3: storage }),
    async stop() {
      await ceph.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const withoutCeph = process.env['STOWAGE_WITHOUT_CEPH'] === '1';
if (withoutCeph)
  process.stderr.write('not run: everything on a Ceph gateway (STOWAGE_WITHOUT_CEPH=1)\n');
