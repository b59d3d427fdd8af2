import type { Phase } from './keys.ts';
import type { Manifest } from './manifest.ts';
import type { RestorePlan, RestoreRequest } from './restore.ts';

/** The coordinator's content id. */
export const COORDINATOR = -1;

/** How the rows of this set get into that target. Shards load their own; a Greenplum of another size must distribute anew. */
export function loadWay(
  { target, resize }: Pick<RestoreRequest, 'target' | 'resize'>,
  manifest: Pick<Manifest, 'flavour' | 'contents'>,
): RestorePlan['load'] {
  if (manifest.flavour !== 'greenplum') return 'each';
  const resized = target.contents.length !== manifest.contents.length;
  return resized || resize ? 'coordinator' : 'on-segment';
}

/** The contents that get an order in a phase; nobody else is waited for. */
export function contentsIn(
  phase: Phase,
  { load, contents }: Pick<RestorePlan, 'load' | 'contents'>,
): number[] {
  const all = contents.map(({ content }) => content);
  if (load === 'each' || phase === 'verify' || (phase === 'data' && load === 'on-segment')) return all;
  return all.filter((content) => content === COORDINATOR);
}
