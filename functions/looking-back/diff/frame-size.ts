import { formatKey } from '../../../backup-set/base/keys.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import type { Deps } from '../../deps.ts';
import { tryRead } from '../../stored/try-read.ts';

/**
 * Whether the frames of two sets were cut to the same size. If not, the same rows have other
 * frames: digests that differ say nothing. Only plans know it: two GETs.
 */
export async function hasSameFrameSize(
  deps: Deps,
  [from, to]: readonly [string, string],
): Promise<boolean> {
  const size = await frameBytesOf(deps, from);
  return size !== undefined && size === (await frameBytesOf(deps, to));
}

const frameBytesOf = async (deps: Deps, timestamp: string) =>
  (await tryRead(deps, formatKey({ kind: 'plan', timestamp }), Plan))?.frameBytes;
