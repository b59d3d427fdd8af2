import * as z from 'zod';
import { Count } from '../../base/document.ts';
import { plural } from '../../base/words.ts';

/** Lines that are kept; `linesTotal` counts all. */
const LINES_MAX = 20;
const LINE_CHARS_MAX = 300;
const DATABASES_MAX = 100;

/** What a run of expiry did, for messages and metrics: a set that is gone leaves nothing. */
export const ExpirySummary = z.object({
  expired: Count,
  removed: Count,
  kept: Count,
  locked: Count,
  objects: Count,
  bytes: Count,
  /** By database; the empty name: it is not known any more. */
  databases: z
    .array(z.object({ database: z.string(), expired: Count, objects: Count, bytes: Count }))
    .max(DATABASES_MAX),
  /** Which sets expired and why, and what kept the others. */
  lines: z.array(z.string().max(LINE_CHARS_MAX)).max(LINES_MAX),
  linesTotal: Count,
});
export type ExpirySummary = z.infer<typeof ExpirySummary>;

/** What a run decided and removed. */
export interface ExpiryFacts {
  readonly decisions: readonly {
    readonly timestamp: string;
    readonly database: string | undefined;
    readonly keptBy: readonly string[];
    readonly why: string;
  }[];
  /** Sets that got a tombstone: one that goes can have been held meanwhile. */
  readonly expired: readonly string[];
  readonly removed: readonly {
    readonly timestamp: string;
    readonly database: string | undefined;
    readonly objects: number;
    readonly bytes: number;
  }[];
  readonly locked: number;
}

/** Pure. */
export function summarizeExpiry({
  decisions,
  expired,
  removed,
  locked,
}: ExpiryFacts): ExpirySummary {
  const gone = new Set(expired);
  const going = decisions.filter(({ timestamp }) => gone.has(timestamp));
  const kept = decisions.filter(({ keptBy }) => keptBy.length > 0);
  const done = removed.filter(({ objects }) => objects > 0);
  const lines = [
    ...keptLines(kept.map(({ keptBy }) => keptBy)),
    ...going.map(
      ({ timestamp, database, why }) =>
        `set ${timestamp}${database === undefined ? '' : ` of database ${database}`} expired: ${why}`,
    ),
    ...done.map(
      ({ timestamp, objects }) => `set ${timestamp} was removed: ${plural(objects, 'object')}`,
    ),
  ];
  const sum = (of: (set: (typeof removed)[number]) => number) =>
    removed.reduce((total, set) => total + of(set), 0);
  return {
    expired: expired.length,
    removed: done.length,
    kept: kept.length,
    locked,
    objects: sum(({ objects }) => objects),
    bytes: sum(({ bytes }) => bytes),
    databases: byDatabase(going, removed),
    lines: lines.slice(0, LINES_MAX).map((line) => line.slice(0, LINE_CHARS_MAX).toWellFormed()),
    linesTotal: lines.length,
  };
}

/** One line: a set that several rules keep counts for each of them. */
function keptLines(kept: readonly (readonly string[])[]): string[] {
  if (kept.length === 0) return [];
  const sets = new Map<string, number>();
  for (const rule of kept.flat()) sets.set(rule, (sets.get(rule) ?? 0) + 1);
  const rules = [...sets].sort(([, a], [, b]) => b - a).map(([rule, count]) => `${count} ${rule}`);
  return [`kept ${plural(kept.length, 'set')}, by rule: ${rules.join(', ')}`];
}

function byDatabase(
  going: readonly { readonly database: string | undefined }[],
  removed: ExpiryFacts['removed'],
): ExpirySummary['databases'] {
  const found = new Map<string, { expired: number; objects: number; bytes: number }>();
  const of = (database = '') => {
    // One place is kept for the databases beyond the bound.
    const isKnown = found.has(database) || found.size < DATABASES_MAX - 1;
    const name = isKnown ? database : '';
    const counts = found.get(name) ?? { expired: 0, objects: 0, bytes: 0 };
    found.set(name, counts);
    return counts;
  };
  for (const { database } of going) of(database).expired += 1;
  for (const { database, objects, bytes } of removed) {
    if (objects === 0) continue;
    const counts = of(database);
    counts.objects += objects;
    counts.bytes += bytes;
  }
  return [...found].map(([database, counts]) => ({ database, ...counts }));
}
