import { decode } from '../../../backup-set/base/document.ts';
import { parseKey } from '../../../backup-set/base/keys.ts';
import { TaskOutcome } from '../../../backup-set/documents/tasks.ts';
import type { Deps } from '../../../functions/deps.ts';
import { inProcess } from '../../../functions/events/in-process.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { SLICE_LIMITS } from '../../../functions/tasks/cut-slices.ts';
import { bytesOf, freshDeps, keysOf } from './place.ts';
import { documentsOf, type SmallSet, storeAll, storeObjects } from './sets.ts';

export const AT = new Date('2026-02-01T00:00:00Z');
/** Four objects per content: with these limits, every content is cut in two. */
const SMALL = { ...SLICE_LIMITS, objects: 2 };

/** A committed set of three contents. */
export async function committed(extra: Partial<Deps> = {}): Promise<{ deps: Deps; set: SmallSet }> {
  const deps: Deps = { ...(await freshDeps()), sliceLimits: SMALL, ...extra };
  const set = await storeObjects(deps.store);
  await storeAll(deps.store, documentsOf(set));
  await stitch(deps, set.timestamp);
  return { deps, set };
}

/** Runs the functions, as events would, until no job is left. */
export async function run(deps: Deps, key: string): Promise<void> {
  const functions = inProcess(deps);
  await functions.announce(key);
  await functions.idle();
}

/** The outcomes of the tasks under a root. */
export async function outcomes({ store }: Deps): Promise<TaskOutcome[]> {
  const keys = (await keysOf(store, 'tasks/')).filter(
    (key) => parseKey(key)?.kind === 'task-outcome',
  );
  return Promise.all(
    keys.map(async (key) => decode(TaskOutcome, { key, bytes: await bytesOf(store, key) })),
  );
}
