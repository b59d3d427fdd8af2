import type { Phase } from '../base/keys.ts';
import type { Manifest, ManifestRelation } from '../documents/manifest.ts';
import type { RestorePlan, RestoreRequest } from '../documents/restore.ts';

/** The coordinator's content id. */
export const COORDINATOR = -1;

/** How the rows of this set get into that target. Shards load their own; a Greenplum of another size must distribute anew. */
export function loadStrategy(
  { target, resize }: Pick<RestoreRequest, 'target' | 'resize'>,
  manifest: Pick<Manifest, 'flavour' | 'contents'>,
): RestorePlan['load'] {
  if (manifest.flavour !== 'greenplum') return 'per-segment';
  const resized = target.contents.length !== manifest.contents.length;
  return resized || resize ? 'coordinator' : 'on-segment';
}

/** True for a relation whose rows the segments hand over themselves: those of content i belong on segment i of every database. */
export function loadsOnSegment(
  load: RestorePlan['load'],
  { replicated, redistribute, condition, totals }: ManifestRelation,
): boolean {
  const stays = replicated !== true && redistribute !== true && condition === undefined;
  return load === 'on-segment' && stays && totals.rows > 0;
}

/** The contents that get an order in a phase; nobody else is waited for. */
export function contentsIn(
  phase: Phase,
  { load, contents }: Pick<RestorePlan, 'load' | 'contents'>,
): number[] {
  const all = contents.map(({ content }) => content);
  if (load === 'per-segment' || phase === 'verify' || (phase === 'data' && load === 'on-segment'))
    return all;
  return all.filter((content) => content === COORDINATOR);
}
