import { mapInFlight } from '../../../async/each-in-flight.ts';
import { formatKey, locksPrefix, parseKey } from '../../../backup-set/base/keys.ts';
import { dateOf } from '../../../backup-set/base/timestamps.ts';
import { describeProblem, Verdict } from '../../../backup-set/base/verdict.ts';
import { LockRecord } from '../../../backup-set/documents/locks.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Mark } from '../../../backup-set/documents/retention/mark.ts';
import { Seal } from '../../../backup-set/documents/seal.ts';
import type { Deps } from '../../deps.ts';
import { listMarks } from '../../retention/marks.ts';
import { listKeys, READS_IN_FLIGHT, verdictKeys } from '../../stored/load.ts';
import { entryFrom, isWithin, type LogEntry, type LogWindow } from './entries.ts';

/** Verdicts read per set, the newest: every restore of a set writes one. */
const VERDICTS_MAX = 100;

/** A backup can take so long: its set has an older timestamp than its end. */
const BACKUP_DAYS_MAX = 3;
const DAY_MS = 24 * 3600_000;

/** What the documents of a set say, in no order. */
export interface SetLog {
  readonly entries: readonly LogEntry[];
  /** Verdicts in the window that were not read. */
  readonly omitted: number;
}

/**
 * Three LISTs per set, one GET per mark and verdict in the window, and for a set whose backup can
 * be in the window its manifest, or else plan and seal.
 */
export async function logOfSet(deps: Deps, timestamp: string, window: LogWindow): Promise<SetLog> {
  const isIn = (instant: string) => isWithin(window, dateOf(instant).toISOString());
  // The instant of an `ended` is that of its tombstone, which can be weeks older.
  const marks = (await listMarks(deps, timestamp)).filter(({ what, instant, storedAt }) =>
    what === 'ended' ? isWithin(window, storedAt.toISOString()) : isIn(instant),
  );
  const verdicts = (await verdictKeys(deps, timestamp)).flatMap((object) => {
    const key = parseKey(object);
    return key?.kind === 'verdict' && isIn(key.instant) ? [{ object, ...key }] : [];
  });
  const locks = (await listKeys(deps, locksPrefix(timestamp), ['lock-record'])).flatMap(
    ({ key: object }) => {
      const key = parseKey(object);
      return key?.kind === 'lock-record' && isIn(key.instant) ? [{ object, ...key }] : [];
    },
  );
  // The timestamp of an adopted set can be years old: its first verdict tells when it was made.
  const isRecent =
    window.since === undefined ||
    verdicts.length > 0 ||
    dateOf(timestamp).getTime() >= Date.parse(window.since) - BACKUP_DAYS_MAX * DAY_MS;
  const reads: (() => Promise<LogEntry[]>)[] = [
    ...(isRecent ? [() => backupEntries(deps, timestamp)] : []),
    ...marks
      .filter(({ what }) => what !== 'read')
      .map((mark) => () => markEntries(deps, timestamp, mark)),
    ...verdicts.slice(-VERDICTS_MAX).map((verdict) => () => verdictEntries(deps, verdict)),
    ...locks.map((record) => () => lockEntries(deps, record)),
  ];
  const found = (await mapInFlight(reads, READS_IN_FLIGHT, (read) => read())).flat();
  return {
    entries: found.filter(({ at }) => isWithin(window, at)),
    omitted: Math.max(0, verdicts.length - VERDICTS_MAX),
  };
}

async function backupEntries(deps: Deps, set: string): Promise<LogEntry[]> {
  const at = dateOf(set).toISOString();
  const object = formatKey({ kind: 'manifest', timestamp: set });
  const began = { at, what: 'backup-began', set, object } as const;
  const complete: LogEntry[] = [];
  const fromManifest = await entryFrom(deps, Manifest, began, (manifest) => {
    const { database, tool, totals, startedAt, sealedAt } = manifest;
    const { rows, bytes, newBytes } = totals;
    const volume = { rows, bytes, ...(newBytes !== undefined && { newBytes }) };
    const ended = { at: sealedAt, what: 'backup-complete', database, by: tool } as const;
    complete.push({ ...began, ...ended, tables: totals.relations, ...volume });
    return { at: startedAt, database, by: tool };
  });
  if (fromManifest.length > 0) return [...fromManifest, ...complete];
  const plan = { ...began, object: formatKey({ kind: 'plan', timestamp: set }) };
  const planned = await entryFrom(deps, Plan, plan, ({ startedAt, database, tool, relations }) => ({
    at: startedAt,
    database,
    by: tool,
    tables: relations.length,
  }));
  return [...planned, ...(await failedBackup(deps, set))];
}

/** A seal without a manifest: the backup has ended, and the set is not complete. */
async function failedBackup(deps: Deps, set: string): Promise<LogEntry[]> {
  const object = formatKey({ kind: 'seal', timestamp: set });
  const known = { at: dateOf(set).toISOString(), what: 'backup-failed', set, object } as const;
  const sealed = await entryFrom(deps, Seal, known, ({ sealedAt, outcome, failures }) => ({
    at: sealedAt,
    problemsTotal: failures.length,
    ...(outcome === 'failed' && { status: 'failed' as const }),
    ...(failures[0] !== undefined && { why: `${failures[0].message} (${failures[0].code})` }),
  }));
  // Counted, and not committed yet: a verdict says what is missing.
  return sealed.filter(({ status, unreadable }) => status === 'failed' || unreadable !== undefined);
}

const MARKS = {
  expired: 'expired',
  held: 'held',
  released: 'released',
  reading: 'reading',
  ended: 'unexpired',
} as const;

function markEntries(
  deps: Deps,
  set: string,
  { what, instant }: { what: keyof typeof MARKS | 'read'; instant: string },
): Promise<LogEntry[]> {
  if (what === 'read') return Promise.resolve([]);
  const object = formatKey({ kind: 'retention', timestamp: set, instant, what });
  const known = { at: dateOf(instant).toISOString(), what: MARKS[what], set, object };
  return entryFrom(deps, Mark, known, ({ at, by, why, as }) => ({
    ...(what === 'ended' && { at }),
    ...(as === 'removal' && { what: 'removal-began' as const }),
    by,
    ...(why !== undefined && { why }),
  }));
}

function verdictEntries(
  deps: Deps,
  { object, timestamp, instant, level }: VerdictKey,
): Promise<LogEntry[]> {
  const at = dateOf(instant).toISOString();
  const known = { at, what: 'verdict', set: timestamp, object } as const;
  return entryFrom(deps, Verdict, known, (verdict) => {
    const { status, writer, problemsTotal, problems, warningsTotal, drill } = verdict;
    const [first] = problems;
    return {
      level,
      status,
      by: writer === undefined ? 'functions' : 'command',
      problemsTotal,
      ...(warningsTotal !== undefined && { warningsTotal }),
      ...(drill && {
        by: `stowage drill on ${drill.host}`,
        tables: drill.restored.relations,
        rows: drill.restored.rows,
        bytes: drill.restored.bytes,
        ms: drill.restoreMs,
      }),
      ...(drill && first && { why: describeProblem(first) }),
    };
  });
}

interface VerdictKey {
  readonly object: string;
  readonly timestamp: string;
  readonly instant: string;
  readonly level: Verdict['level'];
}

function lockEntries(
  deps: Deps,
  { object, timestamp, instant }: Omit<VerdictKey, 'level'>,
): Promise<LogEntry[]> {
  const known = {
    at: dateOf(instant).toISOString(),
    what: 'locks',
    set: timestamp,
    object,
  } as const;
  return entryFrom(deps, LockRecord, known, ({ status, until, problemsTotal }) => ({
    status,
    why: `until ${until}`,
    problemsTotal,
  }));
}
