import { mapInFlight } from '../../../async/each-in-flight.ts';
import { EXPORTS } from '../../../backup-set/base/keys/export-keys.ts';
import { EXPIRIES, formatKey, parseKey } from '../../../backup-set/base/keys.ts';
import { dateOf, partsOfTask } from '../../../backup-set/base/timestamps.ts';
import { ExportReceipt } from '../../../backup-set/documents/export/receipt.ts';
import { Outcome, RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { ExpiryRun } from '../../../backup-set/documents/retention/mark.ts';
import { TaskOutcome, TaskRequest } from '../../../backup-set/documents/tasks.ts';
import type { Deps } from '../../deps.ts';
import { listKeys, READS_IN_FLIGHT } from '../../stored/load.ts';
import { newestRestores, newestTasks } from '../../stored/newest.ts';
import { entryApart, entryFrom, isWithin, type LogEntry, type LogWindow } from './entries.ts';
import { requestReads } from './of-requests.ts';
import { runReads } from './of-schedule.ts';

/** A restore or task is no older than so long before its outcome. */
const RUN_DAYS_MAX = 7;
const DAY_MS = 24 * 3600_000;

/**
 * Restores, tasks, expiry, scheduled runs, requests and exports, in no order. Two GETs per restore
 * and task.
 */
export async function logOfRoot(deps: Deps, window: LogWindow): Promise<LogEntry[]> {
  const from =
    window.since === undefined
      ? ''
      : new Date(Date.parse(window.since) - RUN_DAYS_MAX * DAY_MS).toISOString();
  const isRecent = (id: string) => dateOf(id.slice(0, 17)).toISOString() >= from;
  const restores = (await newestRestores(deps)).filter(isRecent);
  const tasks = (await newestTasks(deps)).filter(
    (task) =>
      isRecent(task) && (window.set ?? partsOfTask(task).timestamp) === partsOfTask(task).timestamp,
  );
  const reads: (() => Promise<LogEntry[]>)[] = [
    ...restores.map((restore) => () => restoreEntries(deps, restore)),
    ...tasks.map((task) => () => taskEntries(deps, task)),
    ...(window.set === undefined ? (await expiryKeys(deps, window)).map(expiryEntry(deps)) : []),
    ...(await exportKeys(deps, window)).map(exportEntry(deps)),
    ...(await runReads(deps, window)),
    ...(await requestReads(deps, isRecent)),
  ];
  const found = (await mapInFlight(reads, READS_IN_FLIGHT, (read) => read())).flat();
  // One that cannot be read, and does not say of which set it is, may be of this one.
  const isOf = ({ set, unreadable }: LogEntry) =>
    window.set === undefined || set === window.set || (set === undefined && unreadable);
  return found.filter((entry) => isWithin(window, entry.at) && isOf(entry));
}

async function restoreEntries(deps: Deps, restore: string): Promise<LogEntry[]> {
  const at = dateOf(restore.slice(0, 17)).toISOString();
  const object = formatKey({ kind: 'restore-request', restore });
  const known = { at, what: 'restore-requested', restore, object } as const;
  const requested = await entryFrom(deps, RestoreRequest, known, (request) => {
    const { timestamp: set, target, requestedAt, resumes } = request;
    const hosts = [...new Set(target.contents.map(({ host, port }) => `${host}:${port}`))];
    const where = hosts.length > 1 ? `${hosts[0]} and ${hosts.length - 1} more` : hosts[0];
    return {
      at: requestedAt,
      set,
      database: target.database,
      to: `${target.database} on ${where}`,
      ...(resumes !== undefined && { why: `continues restore ${resumes}` }),
    };
  });
  return [...requested, ...(await restoreEnd(deps, restore, at))];
}

/** An outcome has no time of its own: the store's time of the object is the end. */
async function restoreEnd(deps: Deps, restore: string, at: string): Promise<LogEntry[]> {
  const object = formatKey({ kind: 'outcome', restore });
  const known = { at, what: 'restore-ended', restore, object } as const;
  return entryApart(deps, known, async () => {
    const stored = await deps.store.head(object, { signal: deps.signal });
    if (stored === undefined) return [];
    const ended = { ...known, at: stored.modifiedAt.toISOString() };
    return entryFrom(deps, Outcome, ended, ({ timestamp, status, totals, problemsTotal }) => ({
      set: timestamp,
      status,
      tables: totals.relations,
      rows: totals.rows,
      problemsTotal,
    }));
  });
}

async function taskEntries(deps: Deps, task: string): Promise<LogEntry[]> {
  const { instant, timestamp: set, work } = partsOfTask(task);
  const name = work === 'replicate' ? 'copy' : 'verify';
  const object = formatKey({ kind: 'task-request', task });
  const at = dateOf(instant).toISOString();
  const requested = await entryFrom(
    deps,
    TaskRequest,
    { at, what: `${name}-requested`, set, object },
    ({ requestedAt }) => ({ at: requestedAt }),
  );
  const outcome = formatKey({ kind: 'task-outcome', task });
  const ended = await entryFrom(
    deps,
    TaskOutcome,
    { at, what: `${name}-ended`, set, object: outcome },
    ({ at: endedAt, status, root, bytes, problemsTotal }) => ({
      at: endedAt,
      status,
      bytes,
      problemsTotal,
      ...(name === 'copy' && { to: root }),
    }),
  );
  return [...requested, ...ended];
}

async function expiryKeys(deps: Deps, window: LogWindow): Promise<string[]> {
  return (await listKeys(deps, EXPIRIES, ['expiry'])).flatMap(({ key }) => {
    const parsed = parseKey(key);
    const isIn =
      parsed?.kind === 'expiry' && isWithin(window, dateOf(parsed.instant).toISOString());
    return isIn ? [key] : [];
  });
}

const expiryEntry = (deps: Deps) => (object: string) => () => {
  const parsed = parseKey(object);
  const instant = parsed?.kind === 'expiry' ? parsed.instant : '';
  const known = { at: dateOf(instant).toISOString(), what: 'expiry-run', object } as const;
  return entryFrom(deps, ExpiryRun, known, ({ at, by }) => ({ at, by }));
};

async function exportKeys(deps: Deps, window: LogWindow) {
  const stored = await listKeys(deps, EXPORTS, ['export']);
  return stored.filter(
    ({ key, modifiedAt }) =>
      key.endsWith('/receipt.json') && isWithin(window, modifiedAt.toISOString()),
  );
}

const exportEntry =
  (deps: Deps) =>
  ({ key: object, modifiedAt }: { key: string; modifiedAt: Date }) =>
  () => {
    const known = { at: modifiedAt.toISOString(), what: 'exported', object } as const;
    return entryFrom(deps, ExportReceipt, known, ({ at, tool, rows, from, object: file }) => ({
      at,
      by: tool,
      rows,
      bytes: file.bytes,
      database: from.database,
      ...(from.set !== undefined && { set: from.set }),
      why: from.table ?? 'a query',
      to: file.key,
    }));
  };
