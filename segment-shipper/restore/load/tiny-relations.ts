import { throwIfInterrupted } from '../../../async/abort.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { copyInTogether } from '../../../database/copy/copy-together.ts';
import { beginLoads } from '../../../database/target/load-transaction.ts';
import type { ShipperDeps } from '../../deps.ts';
import { opensFor } from '../../read/opens.ts';
import { rowsOfFrames } from '../../read/rows-of.ts';
import { requireCount } from '../order-result.ts';
import type { RestoreConnection } from './connection.ts';
import type { FetchedRelation } from './small-relations.ts';

/** Bytes of rows: those of a whole batch are in memory at once. */
const TINY_BYTES_MAX = 64 * 1024;
/** Of one transaction: each table takes a place in the server's lock table. */
const TOGETHER_MAX = 50;

/**
 * The next relations for one connection: several tiny ones, or one. A round trip for each table
 * takes longer than its rows.
 */
export async function takeSmall(
  small: AsyncGenerator<FetchedRelation>,
  mode: RestoreRequest['mode'],
): Promise<FetchedRelation[]> {
  // Tables that others use are locked one by one: two locks of one transaction could deadlock.
  const most = mode === 'truncate' ? 1 : TOGETHER_MAX;
  const taken: FetchedRelation[] = [];
  while (taken.length < most) {
    const next = await small.next();
    if (next.done === true) break;
    taken.push(next.value);
    if (!isTiny(next.value)) break;
  }
  return taken;
}

export function isTiny({ relation, frames }: FetchedRelation): boolean {
  return frames !== undefined && relation.bytes <= TINY_BYTES_MAX && relation.conditional !== true;
}

/**
 * Loads relations in one transaction and three round trips.
 * @returns false when none of them was loaded, for whatever reason.
 */
export async function loadTogether(
  fetched: readonly FetchedRelation[],
  connection: RestoreConnection,
  deps: ShipperDeps,
  encoding: string,
): Promise<boolean> {
  const { signal, log } = deps;
  try {
    const session = await connection.open();
    const relations = fetched.map(({ relation }) => relation);
    if (!(await beginLoads(session, relations, signal))) return false;
    const filled = fetched.filter(({ relation }) => relation.rows > 0);
    const loads = filled.map(async ({ relation, frames = [] }) => ({
      relation,
      rows: await Array.fromAsync(
        rowsOfFrames(frames, opensFor(deps.keys, relation).opens),
        (rows) => Buffer.from(rows),
      ),
    }));
    const counts = await copyInTogether(session, await Promise.all(loads), { signal, encoding });
    for (const [at, { relation }] of filled.entries())
      requireCount(`${relation.schema}.${relation.name}`, counts[at] ?? 0, relation.rows);
    await session.query('COMMIT');
    return true;
  } catch (error) {
    throwIfInterrupted(signal);
    log.warn({ err: error, relations: fetched.length }, 'cannot load these relations together');
    await connection.drop();
    return false;
  }
}
