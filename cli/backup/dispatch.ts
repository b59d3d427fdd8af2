import type { Relation } from '../../backup-set/documents/plan.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { collectProgram, fifoFolder, SEGMENT } from '../../database/copy/fifo-programs.ts';
import type { Dispatch, HeldSnapshot } from '../../database/flavour.ts';
import type { Draft } from './documents/plan.ts';
import type { BackupRun } from './run.ts';

/**
 * Has the coordinator send every relation to the shippers, several at a time, and records the rows
 * that it counted. No row passes through this process.
 */
export async function dispatchRelations(
  { context, plan, draft, held, tally }: BackupRun,
  dispatch: Dispatch,
  signal: AbortSignal,
): Promise<void> {
  const { config } = context;
  const byShipper = new Set(readByShipper(held, draft).map(({ id }) => id));
  const sent = plan.relations.filter(({ id }) => !byShipper.has(id));
  const queue = biggestFirst(draft, sent);
  const encoding = plan.contents.find(({ content }) => content === COORDINATOR)?.encoding ?? 'UTF8';
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  await Promise.all(
    Array.from({ length: dispatch.connections }, async (_, connection) => {
      try {
        for (let relation = queue.shift(); relation !== undefined; relation = queue.shift()) {
          const program = programFor(relation, config.shippers.fifoBase, plan.timestamp);
          const rows = await dispatch.copyOut(connection, relation, program, {
            encoding,
            signal: either,
          });
          tally.dispatched.push({ relation: relation.id, rows });
        }
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    }),
  );
}

/**
 * Records the rows of the relations that the coordinator's shipper read: each count that it reports
 * is the coordinator's own, because its session dispatched the COPY.
 */
export function recordCountsOfShipper({ held, draft, tally }: BackupRun): void {
  const byShipper = new Set(readByShipper(held, draft).map(({ id }) => id));
  for (const { relation, rows } of tally.contents.get(COORDINATOR)?.relations ?? [])
    if (byShipper.has(relation)) tally.dispatched.push({ relation, rows });
}

/** The relations of the coordinator, when its shipper reads them in the snapshot. */
function readByShipper({ nodes, dispatch }: HeldSnapshot, { work }: Draft): Relation[] {
  const coordinator = nodes.find(({ segment }) => segment.content === COORDINATOR);
  if (dispatch === undefined || coordinator?.snapshotId === undefined) return [];
  return (work.get(COORDINATOR) ?? []).map(({ relation }) => relation);
}

/**
 * A replicated relation, or one with a condition, is sent by the coordinator. There the server puts
 * no content id into the program, so the folder is named in full.
 */
function programFor(
  { id, replicated, condition }: Relation,
  base: string,
  timestamp: string,
): string {
  const onCoordinator = replicated === true || condition !== undefined;
  return collectProgram(fifoFolder(base, timestamp, onCoordinator ? COORDINATOR : SEGMENT), id);
}

function biggestFirst({ work }: Draft, relations: readonly Relation[]): Relation[] {
  const sizes = new Map<number, number>();
  for (const { relation, bytesEstimated } of [...work.values()].flat())
    sizes.set(relation.id, (sizes.get(relation.id) ?? 0) + bytesEstimated);
  return relations.toSorted((a, b) => (sizes.get(b.id) ?? 0) - (sizes.get(a.id) ?? 0));
}
