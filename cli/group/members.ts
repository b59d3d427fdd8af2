import { StowageError } from '../../backup-set/base/errors.ts';
import { GroupId } from '../../backup-set/documents/plan.ts';
import { type GroupState, groupsOf } from '../../backup-set/groups/groups.ts';
import { listTimestamps } from '../../functions/sets/list.ts';
import { describeSet, type SetSummary } from '../../functions/sets/status.ts';
import { apart } from '../../functions/stored/unreadable.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Context } from '../context.ts';
import { functionDeps } from '../wait-for-functions.ts';

/** The group that an argument names; undefined = it names a set. */
export function groupNameFrom([text = '']: readonly string[]): string | undefined {
  return GroupId.safeParse(text).success ? text : undefined;
}

export interface FoundGroup extends GroupState {
  /** The sets of the group, oldest first. */
  readonly sets: readonly SetSummary[];
}

/**
 * Looks for the sets of a group: no set of a run is older than the timestamp in the group's name.
 * @throws StowageError `set/not-found` when the root has none.
 */
export async function findGroup(
  context: Context,
  store: ObjectStore,
  id: string,
): Promise<FoundGroup> {
  const deps = functionDeps(context, store);
  const first = id.slice(id.indexOf('-') + 1);
  const sets: SetSummary[] = [];
  for (const timestamp of await listTimestamps(store)) {
    context.signal.throwIfAborted();
    if (timestamp < first) continue;
    // Its group is not known. A group whose set it is has one set less, so it is not complete.
    const what = `set ${timestamp} cannot be looked at`;
    const describe = () => describeSet(deps, timestamp);
    const set = await apart<SetSummary | undefined>(deps, what, describe, () => undefined);
    if (set?.group?.id !== id) continue;
    sets.push(set);
    if (groupsOf(sets)[0]?.status === 'complete') break;
  }
  const [state] = groupsOf(sets);
  if (state !== undefined) return { ...state, sets };
  throw new StowageError('set/not-found', `no set under ${store.url} belongs to ${id}`);
}
