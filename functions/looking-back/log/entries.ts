import type * as z from 'zod';
import { decode } from '../../../backup-set/base/document.ts';
import type { Verdict } from '../../../backup-set/base/verdict.ts';
import type { Outcome } from '../../../backup-set/documents/restore/restore.ts';
import type { Deps } from '../../deps.ts';
import { readDocument } from '../../stored/load.ts';
import { apart } from '../../stored/unreadable.ts';

/** What happened, as one document of the bucket says. */
export interface LogEntry {
  /** ISO 8601. */
  readonly at: string;
  readonly what: LoggedEvent;
  /** The key of the document. */
  readonly object: string;
  readonly set?: string;
  readonly restore?: string;
  readonly database?: string;
  /** The program and host that did it, where the document says it. */
  readonly by?: string;
  /** For people: the reason in the document. */
  readonly why?: string;
  readonly level?: Verdict['level'];
  readonly status?: Verdict['status'] | Outcome['status'] | 'failed' | 'done';
  /** Of the schedule. */
  readonly entry?: string;
  readonly ms?: number;
  readonly tables?: number;
  readonly rows?: number;
  readonly bytes?: number;
  readonly newBytes?: number;
  /** Of a restore: the database and servers. Of a copy: its root. */
  readonly to?: string;
  readonly problemsTotal?: number;
  readonly warningsTotal?: number;
  /** The document exists and cannot be read: it may say something else. */
  readonly unreadable?: string;
}

export type LoggedEvent =
  | 'backup-began'
  | 'backup-complete'
  | 'backup-failed'
  | 'verdict'
  | 'held'
  | 'released'
  | 'expired'
  | 'unexpired'
  | 'removal-began'
  | 'reading'
  | 'locks'
  | 'asked'
  | 'asked-taken'
  | 'asked-ended'
  | 'restore-requested'
  | 'restore-ended'
  | 'verify-requested'
  | 'verify-ended'
  | 'copy-requested'
  | 'copy-ended'
  | 'expiry-run'
  | 'run-began'
  | 'run-ended'
  | 'exported';

/** Documents of a window of time, of one set or of all. */
export interface LogWindow {
  /** ISO 8601; absent = from the beginning. */
  readonly since?: string | undefined;
  /** A timestamp. */
  readonly set?: string | undefined;
}

export function isWithin({ since }: LogWindow, at: string): boolean {
  return since === undefined || at >= since;
}

/**
 * The entry that a document gives. No entry when it does not exist; an entry that says so when it
 * is not valid, or withheld by the store.
 */
export async function entryFrom<Schema extends z.ZodType>(
  deps: Deps,
  schema: Schema,
  known: Known,
  read: (document: z.output<Schema>) => Omit<Partial<LogEntry>, 'object'>,
): Promise<LogEntry[]> {
  return entryApart(deps, known, async () => {
    const raw = await readDocument(deps, known.object);
    return raw === undefined ? [] : [{ ...known, ...read(decode(schema, raw)) }];
  });
}

type Known = Pick<LogEntry, 'at' | 'what' | 'object' | 'set' | 'restore' | 'entry'>;

/** Of an object that cannot be looked at: an entry that says so. */
export function entryApart(
  deps: Deps,
  known: Known,
  work: () => Promise<LogEntry[]>,
): Promise<LogEntry[]> {
  const what = `${known.what} is in the log as unreadable`;
  return apart(deps, what, work, ({ message }) => [{ ...known, unreadable: message }]);
}
