import { RESTORES, SETS, TASKS } from '../../backup-set/base/keys.ts';
import { RestoreId, TaskId, Timestamp, timestampOf } from '../../backup-set/base/timestamps.ts';
import type { Deps } from '../deps.ts';

/** A sweep processes so many, the newest first: older sets and restores do not change any more. */
const NEWEST_MAX = 10_000;

/** Allows for clock differences. Forged sets of future years must not hide the real ones. */
const AHEAD_MS_MAX = 24 * 3600_000;

/** Timestamps of sets, newest first. */
export async function* newestSets(deps: Deps): AsyncGenerator<string> {
  let left = NEWEST_MAX;
  const days = (await foldersOf(deps, SETS)).filter((name) => /^\d{8}$/.test(name));
  const latest = timestampOf(new Date((await storeTime(deps)) + AHEAD_MS_MAX));
  for (const day of days.reverse()) {
    for (const timestamp of (await foldersOf(deps, `${SETS}${day}/`)).reverse()) {
      if (!Timestamp.safeParse(timestamp).success || !timestamp.startsWith(day)) continue;
      if (timestamp > latest) continue;
      if (left-- === 0) return;
      yield timestamp;
    }
  }
}

/** Ids of restores, newest first. */
export async function newestRestores(deps: Deps): Promise<string[]> {
  const ids = (await foldersOf(deps, RESTORES)).filter((name) => RestoreId.safeParse(name).success);
  return ids.reverse().slice(0, NEWEST_MAX);
}

/** Ids of tasks, newest first. */
export async function newestTasks(deps: Deps): Promise<string[]> {
  const ids = (await foldersOf(deps, TASKS)).filter((name) => TaskId.safeParse(name).success);
  return ids.reverse().slice(0, NEWEST_MAX);
}

const storeTime = async ({ store, signal }: Deps) => (await store.now({ signal })).getTime();

async function foldersOf(deps: Deps, prefix: string): Promise<string[]> {
  const folders = await Array.fromAsync(deps.store.listPrefixes(prefix, { signal: deps.signal }));
  return folders.map((folder) => folder.slice(0, -1)).sort();
}
