import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, setPrefix } from '../../backup-set/base/keys.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import type { Deps } from '../deps.ts';
import { verdictKeys } from '../stored/load.ts';
import { listTimestamps } from './list.ts';
import { tryReadDocument } from './status.ts';

export interface DeletionPlan {
  readonly timestamp: string;
  /** In the order of removal: the manifest first. */
  readonly objects: readonly string[];
  readonly bytes: number;
  /** Other sets whose manifests name packs of this one. */
  readonly neededBy: readonly string[];
}

/** Plans a deletion. `deleteSet` executes the plan. */
export async function planDeletion(deps: Deps, timestamp: string): Promise<DeletionPlan> {
  const manifest = formatKey({ kind: 'manifest', timestamp });
  const objects: string[] = [];
  let bytes = 0;
  for await (const object of deps.store.list(setPrefix(timestamp))) {
    if (object.key === manifest) objects.unshift(object.key);
    else objects.push(object.key);
    bytes += object.bytes;
  }
  if (objects.length === 0)
    throw new StowageError(
      'set/not-found',
      `there is no set ${timestamp} under ${deps.store.url}`,
      {
        where: { set: timestamp },
      },
    );
  return { timestamp, objects, bytes, neededBy: await neededBy(deps, timestamp) };
}

export async function deleteSet(
  { store }: Deps,
  { objects, timestamp }: DeletionPlan,
): Promise<void> {
  const manifest = formatKey({ kind: 'manifest', timestamp });
  // The manifest goes first, in its own request: without it the rest is no longer a set.
  if (objects[0] === manifest) await store.delete([manifest]);
  await store.delete(objects.filter((key) => key !== manifest));
}

async function neededBy(deps: Deps, timestamp: string): Promise<string[]> {
  const needing: string[] = [];
  for (const other of await listTimestamps(deps.store)) {
    // Only a younger set can share packs of an older one.
    if (other <= timestamp) continue;
    const manifest = await tryReadDocument(deps, other, 'manifest', Manifest);
    if (manifest !== undefined) {
      if (manifest.needs.includes(timestamp)) needing.push(other);
      continue;
    }
    // A backup that runs: its manifest will need packs of its base. One that failed has a verdict.
    if ((await verdictKeys(deps, other)).length > 0) continue;
    const plan = await tryReadDocument(deps, other, 'plan', Plan);
    if (plan?.base?.timestamp === timestamp) needing.push(other);
  }
  return needing;
}
