import { formatKey } from '../../backup-set/base/keys.ts';
import type { Problem, Verdict } from '../../backup-set/base/verdict.ts';
import type { Deps, JobResult } from '../deps.ts';
import { retentionOf } from '../retention/marks.ts';
import { type FoldVisit, foldStored } from '../stored/fold.ts';
import { createSame } from '../stored/save.ts';
import { NOTHING_CHECKED, writeVerdictIfChanged } from '../stored/write-verdict.ts';

export interface StitchResult extends JobResult {
  readonly status: 'open' | Verdict['status'];
  readonly problems: readonly Problem[];
}

/**
 * Called after a receipt or the seal was stored. Commits a complete set by writing `manifest.json`;
 * for a sealed set that is not complete it writes a verdict that names what is missing. The parts
 * of the manifest are written before, but only `manifest.json` commits the set. Any number of
 * calls, concurrent or repeated, write the same.
 * @throws StowageError `set/damaged` when another manifest exists.
 */
export async function stitch(deps: Deps, timestamp: string): Promise<StitchResult> {
  // Every receipt of a running backup calls this: without a seal nothing can be decided yet.
  const seal = await deps.store.head(formatKey({ kind: 'seal', timestamp }), {
    signal: deps.signal,
  });
  if (seal === undefined) return { status: 'open', wrote: [], problems: [] };
  const manifestKey = formatKey({ kind: 'manifest', timestamp });
  const committed = await deps.store.head(manifestKey, { signal: deps.signal });
  if (committed !== undefined) return { status: 'complete', wrote: [], problems: [] };
  // A set that is being removed has lost its manifest already: it must not come back.
  if ((await retentionOf(deps, timestamp)).state !== 'living')
    return { status: 'open', wrote: [], problems: [] };

  const folded = await foldStored(deps, timestamp, storePart(deps, timestamp));
  switch (folded.status) {
    case 'open':
      return { status: 'open', wrote: [], problems: folded.problems };
    case 'complete': {
      const needsKey = formatKey({ kind: 'needs', timestamp });
      if (folded.needs !== undefined) await createSame(deps, needsKey, folded.needs);
      const created = await createSame(deps, manifestKey, folded.bytes);
      if (created) deps.log.info({ set: timestamp, ...folded.manifest.totals }, 'set committed');
      return { status: 'complete', wrote: created ? [manifestKey] : [], problems: [] };
    }
    case 'incomplete':
    case 'damaged': {
      const { status, problems, problemsTotal } = folded;
      const found = { status, checked: NOTHING_CHECKED, problems, problemsTotal };
      const wrote = await writeVerdictIfChanged(deps, timestamp, 'stitch', found);
      return { status, wrote, problems };
    }
  }
}

/** Stores each part of the manifest before `manifest.json` names it, and none after a problem. */
function storePart(deps: Deps, timestamp: string): FoldVisit {
  return async ({ content, part }, { problems }) => {
    if (part === undefined || problems.length > 0) return;
    await createSame(deps, formatKey({ kind: 'manifest-part', timestamp, content }), part.bytes);
  };
}
