import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Deps } from '../../functions/deps.ts';
import { tryReadDocument } from '../../functions/sets/status.ts';
import { isSet } from '../../functions/stored/is-set.ts';
import { newestSets } from '../../functions/stored/newest.ts';
import type { KnownCluster } from './faults.ts';

/** Sets that are looked at: interrupted backups leave sets without a manifest. */
const SETS_MAX = 60;
/** Manifests that are read: a root can hold the sets of several databases. */
const MANIFESTS_MAX = 32;

/** The newest complete sets of a root, as far as they can be read. */
export interface NewestSets {
  /** Of any database. */
  readonly any?: KnownCluster;
  readonly ofDatabase?: KnownCluster;
  /** Why they could not be read. */
  readonly unreadable?: string;
}

/** Reads a bounded number of manifests, newest first. */
export async function readNewestSets(deps: Deps, database: string): Promise<NewestSets> {
  let any: KnownCluster | undefined;
  let [sets, manifests] = [0, 0];
  try {
    for await (const timestamp of newestSets(deps)) {
      if (sets === SETS_MAX || manifests === MANIFESTS_MAX) break;
      const manifest = await tryReadDocument(deps, timestamp, 'manifest', Manifest);
      if (manifest !== undefined || (await isSet(deps, timestamp))) sets++;
      // An adopted set says nothing of the servers that the cluster has now.
      if (manifest === undefined || manifest.source !== undefined) continue;
      manifests++;
      any ??= manifest;
      if (manifest.database === database) return { any, ofDatabase: manifest };
    }
  } catch (error) {
    if (!isStowageError(error, 'storage/denied')) throw error;
    return { unreadable: messageOf(error) };
  }
  return any === undefined ? {} : { any };
}
