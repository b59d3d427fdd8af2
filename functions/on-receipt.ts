import { fold } from '../backup-set/fold.ts';
import { formatKey } from '../backup-set/keys.ts';
import type { Problem, Verdict } from '../backup-set/verdict.ts';
import { callOptions, type Deps, type Handled } from './deps.ts';
import { hasPlan, type LoadedSet, loadSet } from './load.ts';
import { saveSame } from './save.ts';
import { writeNews } from './write-verdict.ts';

export interface Stitched extends Handled {
  readonly status: 'open' | Verdict['status'];
  readonly problems: readonly Problem[];
}

/**
 * A receipt or the seal has arrived: commits `manifest.json` when the set is complete, and says in a verdict what is
 * missing when it is sealed and is not. Any number of calls, at once or again, write the same.
 * @throws StowageError `set/damaged` when another manifest is there.
 */
export async function stitch(deps: Deps, timestamp: string): Promise<Stitched> {
  // Every receipt of a running backup lands here: one look tells that nothing can be decided yet.
  const seal = await deps.store.head(formatKey({ kind: 'seal', timestamp }), callOptions(deps));
  if (seal === undefined) return { status: 'open', wrote: [], problems: [] };
  const manifestKey = formatKey({ kind: 'manifest', timestamp });
  const committed = await deps.store.head(manifestKey, callOptions(deps));
  if (committed !== undefined) return { status: 'complete', wrote: [], problems: [] };

  const folded = foldLoaded(timestamp, await loadSet(deps, timestamp));
  switch (folded.status) {
    case 'open':
      return { status: 'open', wrote: [], problems: folded.problems };
    case 'complete': {
      const created = await saveSame(deps, manifestKey, folded.bytes);
      if (created) deps.log.info({ set: timestamp, ...folded.manifest.totals }, 'set is complete');
      return { status: 'complete', wrote: created ? [manifestKey] : [], problems: [] };
    }
    case 'incomplete':
    case 'damaged': {
      const { status, problems } = folded;
      const checked = { objects: 0, bytes: 0 };
      const wrote = await writeNews(deps, timestamp, 'stitch', { status, checked, problems });
      return { status, wrote, problems };
    }
  }
}

/** The fold of what was loaded; a set whose plan is gone is incomplete, whatever else is there. */
export function foldLoaded(timestamp: string, set: LoadedSet): ReturnType<typeof fold> {
  if (hasPlan(set)) return fold(set);
  const object = formatKey({ kind: 'plan', timestamp });
  return {
    status: 'incomplete',
    problems: [{ code: 'object-missing', object, message: 'the plan of this set is not there' }],
  };
}
