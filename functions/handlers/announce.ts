import { decode } from '../../backup-set/base/document.ts';
import { parseKey } from '../../backup-set/base/keys.ts';
import { partsOfTask } from '../../backup-set/base/timestamps.ts';
import { describeProblem, type Problem, Verdict } from '../../backup-set/base/verdict.ts';
import { LockRecord } from '../../backup-set/documents/locks.ts';
import { Outcome } from '../../backup-set/documents/restore/restore.ts';
import { TaskOutcome } from '../../backup-set/documents/tasks.ts';
import type { Deps } from '../deps.ts';
import { readDocument } from '../stored/load.ts';

/** A message is limited to 256 KiB; the document has all problems. */
const PROBLEMS_ANNOUNCED = 10;

/** What subscribers receive about a verdict, locks, or the end of a restore or replication. */
export interface Announcement {
  readonly kind: 'verdict' | 'outcome' | 'replication' | 'locks';
  readonly root: string;
  /** The document with all details. Its key identifies repeated messages. */
  readonly object: string;
  readonly set: string;
  readonly status: Verdict['status'] | Outcome['status'];
  /** Of a verdict. */
  readonly level?: Verdict['level'];
  /** Of a verdict with warnings: what is unusual about the set, the first ones, a line each. */
  readonly warningsTotal?: number;
  readonly warnings?: readonly string[];
  /** Of a verdict, a replication or locks. */
  readonly at?: string;
  /** Of an outcome. */
  readonly restore?: string;
  /** Of a replication: the root that was copied to. */
  readonly to?: string;
  /** Of locks: until when the objects stay locked. */
  readonly until?: string;
  readonly problemsTotal: number;
  /** The first problems, one line each. */
  readonly problems: readonly string[];
}

/** Whether the document with this key is announced. */
export function isAnnounced(text: string): boolean {
  return announcedKind(text) !== undefined;
}

/**
 * Called after a verdict or outcome was stored: publishes its announcement.
 * @returns what was published; undefined when the document was deleted.
 */
export async function announce(
  deps: Deps,
  object: string,
  publish: (announcement: Announcement) => Promise<void>,
): Promise<Announcement | undefined> {
  const announcement = await announcementOf(deps, object);
  if (announcement === undefined) return undefined;
  await publish(announcement);
  const { kind, status, level, set } = announcement;
  deps.log.info({ key: object, kind, status, level, set }, 'announced');
  return announcement;
}

/**
 * The announcement of a verdict, outcome or replication; undefined when its document was deleted.
 */
export async function announcementOf(
  deps: Deps,
  object: string,
): Promise<Announcement | undefined> {
  const kind = announcedKind(object);
  const raw = kind === undefined ? undefined : await readDocument(deps, object);
  if (raw === undefined) return undefined;
  const common = { root: deps.store.url, object };
  if (kind === 'verdict') {
    const verdict = decode(Verdict, raw);
    const { timestamp, status, level, at, warnings = [], warningsTotal = 0 } = verdict;
    return {
      ...common,
      kind: 'verdict',
      set: timestamp,
      status,
      level,
      at,
      ...(warningsTotal > 0 && {
        warningsTotal,
        warnings: warnings.slice(0, PROBLEMS_ANNOUNCED).map(({ message }) => message),
      }),
      ...firstProblems(verdict),
    };
  }
  if (kind === 'locks') {
    const { timestamp, status, at, until, ...found } = decode(LockRecord, raw);
    return { ...common, kind, set: timestamp, status, at, until, ...firstProblems(found) };
  }
  if (kind === 'replication') {
    const { task, status, root, at, ...found } = decode(TaskOutcome, raw);
    const { timestamp } = partsOfTask(task);
    return {
      ...common,
      kind: 'replication',
      set: timestamp,
      status,
      at,
      to: root,
      ...firstProblems(found),
    };
  }
  const { id, timestamp, status, ...found } = decode(Outcome, raw);
  return {
    ...common,
    kind: 'outcome',
    set: timestamp,
    restore: id,
    status,
    ...firstProblems(found),
  };
}

function announcedKind(text: string): Announcement['kind'] | undefined {
  const key = parseKey(text);
  // The outcome of a verification is its verdict.
  if (key?.kind === 'task-outcome')
    return partsOfTask(key.task).work === 'replicate' ? 'replication' : undefined;
  if (key?.kind === 'lock-record') return 'locks';
  return key?.kind === 'verdict' || key?.kind === 'outcome' ? key.kind : undefined;
}

function firstProblems({
  problemsTotal,
  problems,
}: {
  problemsTotal: number;
  problems: readonly Problem[];
}) {
  return { problemsTotal, problems: problems.slice(0, PROBLEMS_ANNOUNCED).map(describeProblem) };
}
