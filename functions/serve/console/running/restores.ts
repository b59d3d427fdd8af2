import { mapInFlight } from '../../../../async/each-in-flight.ts';
import { decode } from '../../../../backup-set/base/document.ts';
import { formatKey, RESTORES } from '../../../../backup-set/base/keys.ts';
import { dateOf } from '../../../../backup-set/base/timestamps.ts';
import { describeProblem } from '../../../../backup-set/base/verdict.ts';
import { Outcome, RestoreRequest } from '../../../../backup-set/documents/restore/restore.ts';
import type { Deps } from '../../../deps.ts';
import { READS_IN_FLIGHT, readDocument } from '../../../stored/load.ts';
import { newestRestores } from '../../../stored/newest.ts';
import { lastArrival, OVERDUE_AFTER_SECONDS } from '../../../stored/overdue.ts';
import { isOfOneObject } from '../../../stored/unreadable.ts';
import type { ConsoleRestore } from '../api.ts';

export const RESTORES_MAX = 50;
const PROBLEMS_SHOWN = 5;
const TEXT_CHARS_MAX = 600;

/** The newest restores under a root. Reads two documents of each; they never change. */
export async function listRestores(
  deps: Deps,
): Promise<{ readonly restores: ConsoleRestore[]; readonly leftOut: number }> {
  const ids = await newestRestores(deps);
  const shown = ids.slice(0, RESTORES_MAX);
  const restores = await mapInFlight(shown, READS_IN_FLIGHT, (id) => describeRestore(deps, id));
  const found = restores.filter((restore) => restore !== undefined);
  return { restores: found, leftOut: ids.length - shown.length };
}

/** Undefined for a folder without a request. */
async function describeRestore(deps: Deps, id: string): Promise<ConsoleRestore | undefined> {
  const common = { id, requestedAt: dateOf(id.slice(0, 17)).toISOString() };
  const none = { problems: [], problemsTotal: 0 };
  try {
    const raw = await readDocument(deps, formatKey({ kind: 'restore-request', restore: id }));
    if (raw === undefined) return undefined;
    const { timestamp, target } = decode(RestoreRequest, raw);
    const of = { ...common, set: timestamp, target: target.database };
    const ended = await readOutcome(deps, id);
    if (ended !== undefined)
      return {
        ...of,
        status: ended.status,
        problems: ended.problems
          .slice(0, PROBLEMS_SHOWN)
          .map((problem) => describeProblem(problem).slice(0, TEXT_CHARS_MAX)),
        problemsTotal: ended.problemsTotal,
      };
    return { ...of, ...none, status: await liveStatus(deps, id) };
  } catch (error) {
    if (!isOfOneObject(error)) throw error;
    return { ...common, status: 'unreadable', problems: [error.message], problemsTotal: 1 };
  }
}

/** Undefined while the restore runs. @throws StowageError `set/unreadable` */
export async function readOutcome(deps: Deps, restore: string): Promise<Outcome | undefined> {
  const raw = await readDocument(deps, formatKey({ kind: 'outcome', restore }));
  return raw && decode(Outcome, raw);
}

/** A restore is stalled when no object has arrived for an hour, by the store's clock. */
export async function liveStatus(deps: Deps, id: string): Promise<'running' | 'stalled'> {
  const last = await lastArrival(deps, `${RESTORES}${id}/`);
  const now = await deps.store.now({ signal: deps.signal });
  const seconds = (now.getTime() - (last ?? now).getTime()) / 1000;
  return seconds > OVERDUE_AFTER_SECONDS ? 'stalled' : 'running';
}
