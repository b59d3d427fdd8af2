import { decode } from '../../../backup-set/base/document.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import type { Deps } from '../../deps.ts';
import { readDocument } from '../../stored/load.ts';

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

async function frameBytesOf(deps: Deps, timestamp: string): Promise<number | undefined> {
  const raw = await readDocument(deps, formatKey({ kind: 'plan', timestamp }));
  if (raw === undefined) return undefined;
  try {
    return decode(Plan, raw).frameBytes;
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return undefined;
  }
}
