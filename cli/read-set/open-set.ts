import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Deps } from '../../functions/deps.ts';
import { requireLiving } from '../../functions/retention/marks.ts';
import { whileReading } from '../../functions/retention/reading.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { convertedSet } from '../gpbackup-plugin/convert/converted-set.ts';
import type { HeldKeys } from '../keys/held.ts';
import { provenKeys } from '../keys/proven-keys.ts';
import { withStore } from '../open.ts';
import { loadManifest } from '../restore/request.ts';
import { findSet, type SetName } from '../set-name.ts';
import { functionDeps } from '../wait-for-functions.ts';

/** A complete set that is being read. */
export interface OpenSet {
  readonly store: ObjectStore;
  readonly deps: Deps;
  readonly manifest: Manifest;
  /** Absent = the set is not encrypted. */
  readonly keys: HeldKeys | undefined;
}

/**
 * Runs `work` on a complete set. While it runs, expiry keeps the set and its packs. A set of files
 * of gpbackup is converted first, as for a restore.
 * @param why for the mark of the reader, such as `export of public.t`.
 * @throws StowageError `set/not-found`, `set/incomplete`, `set/expired`; as `provenKeys`.
 */
export async function readingSet<T>(
  context: ClusterContext,
  name: SetName,
  why: string,
  work: (set: OpenSet) => Promise<T>,
): Promise<T> {
  return withStore(context, async (store) => {
    const timestamp = await findSet(context, store, name);
    const deps = functionDeps(context, store);
    await requireLiving(deps, timestamp);
    const stored = await loadManifest(context, store, timestamp);
    const read = async (manifest: Manifest) => {
      const keys = await provenKeys(context, deps, manifest);
      const set = { store, deps, manifest, keys };
      return whileReading(deps, manifest.timestamp, why, () => work(set));
    };
    if (stored.files === undefined) return read(stored);
    const converted = await whileReading(deps, timestamp, why, () =>
      convertedSet(context, store, stored, true),
    );
    return read(await loadManifest(context, store, converted));
  });
}
