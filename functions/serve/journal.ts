import type { Logger } from 'pino';
import { watchTrouble } from '../../async/watch/trouble.ts';
import { messageOf } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Deps } from '../deps.ts';
import { type Event, severityOf } from '../observe/events.ts';
import type { SweepReport } from '../sweep/report.ts';
import type { SweepAttempt } from '../sweep/sweeper.ts';

/** The lines of `serve`: one for each thing that an operator wants to know, and none per event. */
export interface Journal {
  /** Logs the events that are new since this server started. */
  events(events: readonly Event[]): void;
  sweep(attempt: SweepAttempt): void;
}

/** Remembered events: a forgotten one of the last 7 days would be logged again. */
const LOGGED_MAX = 20_000;
const LINE_CHARS_MAX = 400;
const LEVELS = { info: 'info', warning: 'warn', critical: 'error' } as const;

/** @param since by the store's time: older events were logged by the server before this one. */
export function journal(log: Logger, clock: Deps['clock'], since: () => Date): Journal {
  const logged = new Set<string>();
  const trouble = watchTrouble(clock);
  let problems = '';

  return {
    events(events) {
      for (const event of events) {
        if (event.at < since() || logged.has(event.id)) continue;
        if (logged.size >= LOGGED_MAX) logged.clear();
        logged.add(event.id);
        const { name, cluster, database, set, restore, status, object } = event;
        const known = { cluster, database, set, restore, status, object };
        log[LEVELS[severityOf(event)]]({ event: name, ...known, ...event.numbers }, lineOf(event));
      }
    },
    sweep({ result, seconds }) {
      if (!result.ok) {
        if (trouble.failed(result.failure))
          log.error(
            { err: result.failure },
            `sweep failed: ${messageOf(result.failure)}; further failures of this kind are not logged`,
          );
        return;
      }
      const ended = trouble.succeeded();
      if (ended !== undefined) log.info({ ...ended }, 'sweeps again');
      const report = result.value;
      const found = foundBy(report);
      if (found !== '')
        log.info(
          { seconds, ...countsOf(report) },
          `sweep: ${found} that no notification had told of`,
        );
      const now = report.problems.map(problemLine).join('\n');
      if (now !== problems) for (const problem of report.problems) log.warn(problemLine(problem));
      problems = now;
    },
  };
}

function lineOf({ title, problems }: Event): string {
  const [first] = problems;
  const line = first === undefined ? title : `${title}: ${first}`;
  return line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX).toWellFormed()}…` : line;
}

/** Empty when the sweep did nothing. */
function foundBy({ committed, validated, overdue, uploadsAborted }: SweepReport): string {
  const parts: [number, string][] = [
    [committed.length, `committed ${plural(committed.length, 'set')}`],
    [validated.length, `validated ${plural(validated.length, 'set')}`],
    [overdue.length, `found ${plural(overdue.length, 'overdue set')}`],
    [uploadsAborted, `removed ${plural(uploadsAborted, 'unfinished upload')}`],
  ];
  return parts
    .filter(([number]) => number > 0)
    .map(([, text]) => text)
    .join(', ');
}

const countsOf = ({ sets, statuses }: SweepReport) => ({ sets, statuses });

function problemLine({ set, restore, task, message, failed }: SweepReport['problems'][number]) {
  const [kind, id] = set
    ? ['set', set]
    : restore
      ? ['restore', restore]
      : task
        ? ['task', task]
        : ['root', ''];
  const of = `${kind} ${id}`.trim();
  return failed ? `sweep of ${of} failed: ${message}` : `${of}: ${message}`;
}
