import { decode } from '../../backup-set/base/document.ts';
import { parseKey } from '../../backup-set/base/keys.ts';
import { partsOfTask } from '../../backup-set/base/timestamps.ts';
import { describeProblem, type Problem, Verdict } from '../../backup-set/base/verdict.ts';
import { Outcome } from '../../backup-set/documents/restore.ts';
import { TaskOutcome } from '../../backup-set/documents/tasks.ts';
import type { Deps } from '../deps.ts';
import { readDocument } from '../stored/load.ts';

/** Enough to know where to look; the document has them all, and a message is limited to 256 KiB. */
const PROBLEMS_TOLD = 10;

/** What subscribers are told of a verdict on a set, of the end of a restore, or of that of a copy to the alternate location. */
export interface Announcement {
  readonly kind: 'verdict' | 'outcome' | 'replication';
  readonly root: string;
  /** The document that says it all. Messages may come twice: this tells that it is the same one. */
  readonly object: string;
  readonly set: string;
  readonly status: Verdict['status'] | Outcome['status'];
  /** Of a verdict. */
  readonly level?: Verdict['level'];
  /** Of a verdict or a replication. */
  readonly at?: string;
  /** Of an outcome. */
  readonly restore?: string;
  /** Of a replication: the root that was copied to. */
  readonly to?: string;
  readonly problemsTotal: number;
  /** The first of them, each as a line for people. */
  readonly problems: readonly string[];
}

export function isAnnounced(text: string): boolean {
  return announcedKind(text) !== undefined;
}

/** The announcement of a verdict, an outcome or a replication; undefined when its document has been deleted meanwhile. */
export async function announcementOf(
  deps: Deps,
  object: string,
): Promise<Announcement | undefined> {
  const kind = announcedKind(object);
  const raw = kind === undefined ? undefined : await readDocument(deps, object);
  if (raw === undefined) return undefined;
  const common = { root: deps.store.url, object };
  if (kind === 'verdict') {
    const { timestamp, status, level, at, ...found } = decode(Verdict, raw);
    return { ...common, kind: 'verdict', set: timestamp, status, level, at, ...told(found) };
  }
  if (kind === 'replication') {
    const { task, status, root, at, ...found } = decode(TaskOutcome, raw);
    const { timestamp } = partsOfTask(task);
    return { ...common, kind: 'replication', set: timestamp, status, at, to: root, ...told(found) };
  }
  const { id, timestamp, status, ...found } = decode(Outcome, raw);
  return { ...common, kind: 'outcome', set: timestamp, restore: id, status, ...told(found) };
}

function announcedKind(text: string): Announcement['kind'] | undefined {
  const key = parseKey(text);
  // The outcome of a verification is its verdict.
  if (key?.kind === 'task-outcome')
    return partsOfTask(key.task).work === 'replicate' ? 'replication' : undefined;
  return key?.kind === 'verdict' || key?.kind === 'outcome' ? key.kind : undefined;
}

function told({
  problemsTotal,
  problems,
}: {
  problemsTotal: number;
  problems: readonly Problem[];
}) {
  return { problemsTotal, problems: problems.slice(0, PROBLEMS_TOLD).map(describeProblem) };
}
