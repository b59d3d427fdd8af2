import type { Phase } from '../base/keys.ts';
import type { Manifest, ManifestRelation } from '../documents/manifest.ts';
import type { RestorePlan, RestoreRequest } from '../documents/restore.ts';
import { formatOf } from '../flavours/formats.ts';

/** The content id of a coordinator. */
export const COORDINATOR = -1;

/** How the rows of a set are loaded into the requested target. */
export function loadStrategy(
  request: Pick<RestoreRequest, 'target' | 'resize'>,
  { flavour, contents }: Pick<Manifest, 'flavour' | 'contents'>,
): RestorePlan['load'] {
  return formatOf(flavour).loadStrategy(request, contents.length);
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
