import { formatKey } from '../../backup-set/base/keys.ts';
import { dateOf, partsOfTask } from '../../backup-set/base/timestamps.ts';
import { describeProblem, type Problem } from '../../backup-set/base/verdict.ts';
import { plural } from '../../backup-set/base/words.ts';
import { Outcome, RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import { TaskOutcome } from '../../backup-set/documents/tasks.ts';
import { identityPlace } from '../../backup-set/messages/identity-place.ts';
import type { Deps } from '../deps.ts';
import { newestRestores, newestTasks } from '../stored/newest.ts';
import { storedSetKeys } from '../stored/set-keys.ts';
import { tryRead } from '../stored/try-read.ts';
import { apart } from '../stored/unreadable.ts';
import { bytesText, timeText } from './amounts.ts';
import { type Event, PROBLEMS_IN_EVENT } from './events.ts';

/** A copy of a set that ended well. */
export interface SeenCopy {
  readonly timestamp: string;
  readonly at: Date;
}

/** What an observer remembers of restores and copies, so that each document is read once. */
export interface SeenRuns {
  /** By id of a restore or task: its events. */
  readonly events: Map<string, readonly Event[]>;
  readonly ended: Set<string>;
  readonly copies: Map<string, SeenCopy>;
}

export const noRuns = (): SeenRuns => ({ events: new Map(), ended: new Set(), copies: new Map() });

/** Copies that are looked at: their ages are a metric, also of sets that are weeks old. */
const TASKS_MAX = 200;

/** Reads the restores since a time, and the newest copies, of which the end was not yet seen. */
export async function observeRuns(deps: Deps, seen: SeenRuns, since: Date): Promise<void> {
  for (const id of await newestRestores(deps)) {
    if (dateOf(id.slice(0, 17)) < since) break;
    if (!seen.ended.has(id)) await lookApart(deps, id, () => lookAtRestore(deps, seen, id));
  }
  const tasks = (await newestTasks(deps)).filter((id) => partsOfTask(id).work === 'replicate');
  for (const id of tasks.slice(0, TASKS_MAX))
    if (!seen.ended.has(id)) await lookApart(deps, id, () => lookAtCopy(deps, seen, id));
}

/** What cannot be read of one is read again at the next look, and keeps nothing from the others. */
function lookApart(deps: Deps, id: string, look: () => Promise<void>): Promise<void> {
  return apart(deps, `${id} cannot be observed`, look, () => undefined);
}

async function lookAtRestore(deps: Deps, seen: SeenRuns, restore: string): Promise<void> {
  let isPartly = false;
  const onUnreadable = () => {
    isPartly = true;
  };
  const request = await tryRead(
    deps,
    formatKey({ kind: 'restore-request', restore }),
    RestoreRequest,
    onUnreadable,
  );
  const key = formatKey({ kind: 'outcome', restore });
  const stored = await deps.store.head(key, { signal: deps.signal });
  const outcome = stored && (await tryRead(deps, key, Outcome, onUnreadable));
  const events: Event[] = [];
  if (request !== undefined) events.push(askedEvent(request));
  if (outcome !== undefined) {
    const keys = outcome.status === 'failed' ? await storedSetKeys(deps, outcome.timestamp) : [];
    const event = endedEvent(outcome, request, stored?.modifiedAt, key);
    events.push(
      keys.length === 0 ? event : { ...event, next: `${event.next}${identityPlace(true)}` },
    );
  }
  seen.events.set(restore, events);
  if (stored !== undefined && !isPartly) seen.ended.add(restore);
}

function askedEvent({ id, timestamp, target }: RestoreRequest): Event {
  const at = dateOf(id.slice(0, 17));
  const contents = plural(target.contents.length, 'content');
  return {
    ...common(id, 'restore-asked', at, timestamp),
    title: `restore ${id} of set ${timestamp} into database ${target.database} was asked for, on ${contents}`,
    problems: [],
    problemsTotal: 0,
    database: target.database,
    restore: id,
    object: formatKey({ kind: 'restore-request', restore: id }),
  };
}

function endedEvent(
  outcome: Outcome,
  request: RestoreRequest | undefined,
  endedAt: Date | undefined,
  object: string,
): Event {
  const { id, timestamp, status, totals } = outcome;
  const begun = dateOf(id.slice(0, 17));
  const at = endedAt ?? begun;
  const ms = Math.max(0, at.getTime() - begun.getTime());
  const done = status === 'restored';
  const into = request === undefined ? '' : ` into database ${request.target.database}`;
  const what = done
    ? `restored ${plural(totals.relations, 'table')}, ${plural(totals.rows, 'row')} in ${timeText(ms)}`
    : `${status === 'refused' ? 'was refused' : 'failed'}: ${plural(outcome.problemsTotal, 'problem')}`;
  return {
    ...common(id, done ? 'restore-done' : 'restore-failed', at, timestamp),
    title: `restore ${id} of set ${timestamp}${into} ${what}`,
    ...problemsOf(outcome),
    ...(status === 'failed' && { next: `stowage restore --resume ${id}` }),
    database: request?.target.database,
    restore: id,
    status,
    object,
    numbers: { tables: totals.relations, rows: totals.rows, ms },
  };
}

async function lookAtCopy(deps: Deps, seen: SeenRuns, task: string): Promise<void> {
  const key = formatKey({ kind: 'task-outcome', task });
  const outcome = await tryRead(deps, key, TaskOutcome);
  if (outcome === undefined) return;
  seen.ended.add(task);
  const { timestamp } = partsOfTask(task);
  const { status, root, objects, bytes } = outcome;
  const at = new Date(outcome.at);
  const done = status === 'complete';
  if (done) seen.copies.set(timestamp, { timestamp, at });
  const what = done
    ? `was copied to ${root}: ${plural(objects, 'object')}, ${bytesText(bytes)}`
    : `was not copied to ${root}: ${plural(outcome.problemsTotal, 'problem')}`;
  const event: Event = {
    ...common(task, done ? 'set-copied' : 'copy-failed', at, timestamp),
    title: `set ${timestamp} ${what}`,
    ...problemsOf(outcome),
    status,
    object: key,
    numbers: { bytes },
  };
  seen.events.set(task, [event]);
}

/** Its id begins with the instant of the restore or task, which every server knows. */
function common(run: string, name: Event['name'], at: Date, set: string) {
  const subject = run.includes('-') ? run.slice(18) : set;
  const id = `${run.slice(0, 17)}-${name}-${subject}`;
  return { id, name, at, set, next: `stowage show ${set}`, stored: true } as const;
}

const problemsOf = ({
  problems,
  problemsTotal,
}: {
  problems: Problem[];
  problemsTotal: number;
}) => ({
  problems: problems.slice(0, PROBLEMS_IN_EVENT).map(describeProblem),
  problemsTotal,
});
