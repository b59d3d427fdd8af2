import { SCHEDULES } from '../../../backup-set/base/keys/schedule-keys.ts';
import { parseKey } from '../../../backup-set/base/keys.ts';
import { dateOf } from '../../../backup-set/base/timestamps.ts';
import { RunEnd, RunStart } from '../../../backup-set/documents/schedule/schedule.ts';
import type { Deps } from '../../deps.ts';
import { listKeys } from '../../stored/load.ts';
import { entryFrom, isWithin, type LogEntry, type LogWindow } from './entries.ts';

/** Runs of the schedule whose documents were stored in the window. A GET for each document. */
export async function runReads(
  deps: Deps,
  window: LogWindow,
): Promise<(() => Promise<LogEntry[]>)[]> {
  const stored = await listKeys(deps, SCHEDULES, ['schedule-run']);
  return stored.flatMap(({ key: object, modifiedAt }) => {
    const key = parseKey(object);
    if (key?.kind !== 'schedule-run' || !isWithin(window, modifiedAt.toISOString())) return [];
    const { entry } = key;
    const known = { object, entry, at: modifiedAt.toISOString() };
    const due = `due ${dateOf(key.instant).toISOString().slice(0, 16)}Z`;
    return [() => (key.file === 'start' ? began(deps, known, due) : ended(deps, known))];
  });
}

type Known = Pick<LogEntry, 'at' | 'object' | 'entry'>;

/** The time is that of the store: the clock of a runner may be wrong. */
function began(deps: Deps, known: Known, due: string): Promise<LogEntry[]> {
  return entryFrom(deps, RunStart, { ...known, what: 'run-began' }, ({ by, args, late }) => ({
    by,
    why: `stowage ${args.join(' ')} (${due}${late ? ', late' : ''})`,
  }));
}

function ended(deps: Deps, known: Known): Promise<LogEntry[]> {
  return entryFrom(deps, RunEnd, { ...known, what: 'run-ended' }, (end) => {
    const { exitCode, signal, stopped, code, message, set, elapsedMs } = end;
    const isDone = exitCode === 0;
    const how = exitCode === undefined ? `signal ${signal ?? 'unknown'}` : `exit code ${exitCode}`;
    const said = message === undefined ? [] : [`${message}${code ? ` (${code})` : ''}`];
    const by = stopped === undefined ? [] : [`ended by its runner: ${stopped}`];
    return {
      status: isDone ? 'done' : 'failed',
      ms: elapsedMs,
      ...(set !== undefined && { set }),
      ...(!isDone && { why: [how, ...by, ...said].join(', ') }),
    };
  });
}
