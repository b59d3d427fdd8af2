import { plural } from '../../backup-set/base/words.ts';
import type { ExpirySummary } from '../../backup-set/documents/retention/expiry-summary.ts';
import { bytesText } from './amounts.ts';
import { type Event, PROBLEMS_IN_EVENT } from './events.ts';

/**
 * The event of a run of expiry, with what expired and what was kept and why; undefined when the run
 * changed nothing. Pure.
 */
export function expiryDone(
  summary: ExpirySummary,
  { id, at, object }: Pick<Event, 'id' | 'at' | 'object'>,
): Event | undefined {
  const { expired, removed, objects, bytes, locked, kept, lines, linesTotal } = summary;
  if (expired + removed === 0) return undefined;
  const waits = locked === 0 ? '' : `; ${plural(locked, 'set')} locked`;
  const [database, ...others] = summary.databases;
  return {
    id,
    name: 'expiry-done',
    at,
    title: `expiry: ${plural(expired, 'set')} expired, ${plural(removed, 'set')} removed with ${plural(objects, 'object')} (${bytesText(bytes)}), ${plural(kept, 'set')} kept${waits}`,
    problems: lines.slice(0, PROBLEMS_IN_EVENT),
    problemsTotal: linesTotal,
    next: 'stowage expire',
    stored: true,
    expiry: summary,
    ...(object !== undefined && { object }),
    ...(others.length === 0 &&
      database &&
      database.database !== '' && { database: database.database }),
  };
}
