import type { Problem } from '../../../backup-set/base/verdict.ts';
import { count, plural } from '../../../backup-set/base/words.ts';
import { fileOf } from '../../../backup-set/restore/order-bodies.ts';
import { bringsLargeObjects } from '../../../backup-set/restore/plan.ts';
import { restores } from '../../../backup-set/restore/sections.ts';
import { largeObjectOids } from '../objects/archive.ts';
import type { TargetCheck } from '../target-check/target-check.ts';
import { requirePart } from './parts.ts';

const OIDS_NAMED = 5;

/** Why the large objects of these contents cannot be in one server. */
export async function largeObjectReasons(
  check: TargetCheck,
  from: readonly number[],
): Promise<Problem[]> {
  const { context, store, request } = check;
  if (from.length < 2 || !bringsLargeObjects(request) || !restores(request, 'data')) return [];
  const reasons: Problem[] = [];
  let known = new Uint32Array();
  let earlier: number[] = [];
  for (const content of from) {
    const archive = fileOf(await requirePart(check, content), 'large-objects.dump');
    if (archive === undefined) continue;
    const oids = await Array.fromAsync(largeObjectOids(store, archive, context), Number);
    const own = Uint32Array.from(oids).sort();
    const same = own.filter((oid) => has(known, oid));
    if (same.length > 0) reasons.push(equalOids(same, content, earlier));
    else if (request.mode === 'fill' && earlier.length > 0)
      reasons.push(severalArchives(content, earlier));
    const joined = new Uint32Array(known.length + own.length);
    joined.set(known);
    joined.set(own, known.length);
    known = joined.sort();
    earlier = [...earlier, content];
  }
  return reasons;
}

/** Looks in a sorted array. */
function has(sorted: Uint32Array, wanted: number): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === wanted;
}

const OTHERWISE =
  'Restore them into two servers, or leave the large objects out with a selection, such as --include-schema "*"';

function equalOids(same: Uint32Array, content: number, earlier: readonly number[]): Problem {
  const named = [...same.subarray(0, OIDS_NAMED)].join(', ');
  const more = same.length > OIDS_NAMED ? ` and ${count(same.length - OIDS_NAMED)} more` : '';
  const message = `content ${content} has ${plural(same.length, 'large object')} with oids that content ${earlier.join(' or ')} has, too: ${named}${more}. Rows name them by oid, so they cannot get other oids. ${OTHERWISE}`;
  return { code: 'target-refused', content, message };
}

function severalArchives(content: number, earlier: readonly number[]): Problem {
  const message = `contents ${[...earlier, content].join(' and ')} have large objects, and go into one database that exists: use --create or --truncate. ${OTHERWISE}`;
  return { code: 'target-refused', content, message };
}
