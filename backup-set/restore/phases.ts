import type { Phase } from '../base/keys.ts';
import type { Manifest, ManifestRelation } from '../documents/manifest.ts';
import type { RestorePlan, RestoreRequest } from '../documents/restore.ts';

/** The content id of a coordinator. */
export const COORDINATOR = -1;

/** How rows get into the target. A Greenplum with another number of segments must redistribute. */
export function loadStrategy(
  { target, resize }: Pick<RestoreRequest, 'target' | 'resize'>,
  manifest: Pick<Manifest, 'flavour' | 'contents'>,
): RestorePlan['load'] {
  if (manifest.flavour !== 'greenplum') return 'per-segment';
  const resized = target.contents.length !== manifest.contents.length;
  return resized || resize ? 'coordinator' : 'on-segment';
}

/**
 * True if the segments load this relation themselves: the rows of content i belong to segment i in
 * every database with the same number of segments.
 */
export function loadsOnSegment(
  load: RestorePlan['load'],
  { replicated, redistribute, condition, totals }: ManifestRelation,
): boolean {
  const stays = replicated !== true && redistribute !== true && condition === undefined;
  return load === 'on-segment' && stays && totals.rows > 0;
}

/** The contents that get an order in a phase; the fold awaits only their receipts. */
export function contentsIn(
  phase: Phase,
  { load, contents }: Pick<RestorePlan, 'load' | 'contents'>,
): number[] {
  const all = contents.map(({ content }) => content);
  if (load === 'per-segment' || phase === 'verify' || (phase === 'data' && load === 'on-segment'))
    return all;
  return all.filter((content) => content === COORDINATOR);
}
