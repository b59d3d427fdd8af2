import { dateOf } from '../../backup-set/base/timestamps.ts';
import { count } from '../../backup-set/base/words.ts';
import type { ListedSet } from '../../functions/sets/describe-sets.ts';
import { age, bytes, duration, localTime } from '../output/format.ts';
import type { Tone } from '../output/table/palette.ts';
import type { Screen } from '../output/table/screen.ts';
import { type Cell, type Column, table } from '../output/table/table.ts';

/** The locations that hold a whole copy of a set, the root included; undefined = not known. */
export type Copies = (timestamp: string) => number | undefined;

type Field = Column & {
  readonly of: (set: ListedSet, now: Date) => Cell;
  /** Absent = always. */
  readonly isUsed?: (sets: readonly ListedSet[]) => boolean;
};

/** The columns, and in which order a narrow terminal leaves them out. */
const FIELDS: readonly Field[] = [
  { title: 'timestamp', of: ({ timestamp }) => timestamp },
  { title: 'age', align: 'right', of: ageOf },
  { title: 'local time', drop: 7, of: ({ timestamp }) => localTime(dateOf(timestamp)) },
  { title: 'status', of: ({ status, ...set }) => ({ text: status, tone: toneOf(status, set) }) },
  { title: 'cluster', min: 8, drop: 6, cut: 'middle', of: ({ cluster }) => cluster },
  { title: 'database', min: 8, cut: 'middle', of: ({ database }) => database },
  { title: 'segments', drop: 2, align: 'right', of: ({ totals: t }) => t && String(t.contents) },
  { title: 'tables', drop: 5, of: tablesOf },
  { title: 'rows', drop: 4, align: 'right', of: ({ totals }) => totals && count(totals.rows) },
  { title: 'bytes', drop: 8, align: 'right', of: ({ totals }) => totals && bytes(totals.bytes) },
  {
    title: 'stored',
    align: 'right',
    of: ({ totals }) => totals && bytes(totals.usedBytes ?? totals.storedBytes),
  },
  {
    title: 'new',
    align: 'right',
    of: ({ totals }) => totals && bytes(totals.newBytes ?? totals.storedBytes),
  },
  {
    title: 'read',
    drop: 1,
    align: 'right',
    of: ({ totals }) => totals && String(totals.readRelations ?? totals.relations),
  },
  {
    title: 'sealed after',
    drop: 3,
    align: 'right',
    of: ({ elapsedMs }) => (elapsedMs === undefined ? undefined : duration(elapsedMs)),
  },
  {
    title: 'last check',
    drop: 9,
    of: ({ verdict }, now) => verdict && `${verdict.level} ${since(verdict.at, now)}`,
  },
  { title: 'verified', of: ({ verified }, now) => checkCell(verified, now) },
  {
    title: 'unusual',
    align: 'right',
    isUsed: (sets) => sets.some(({ warnings }) => warnings !== undefined),
    of: ({ warnings }) => (warnings === undefined ? '' : { text: `! ${warnings}`, tone: 'warn' }),
  },
  {
    title: 'drill',
    isUsed: (sets) => sets.some(({ drill }) => drill !== undefined),
    of: ({ drill }, now) => drillCell(drill, now),
  },
  {
    title: 'encrypted',
    drop: 12,
    isUsed: (sets) => sets.some(({ encrypted }) => encrypted === true),
    of: ({ encrypted }) => (encrypted === undefined ? undefined : encrypted ? 'yes' : 'no'),
  },
  {
    title: 'tags',
    drop: 10,
    min: 6,
    isUsed: (sets) => sets.some(({ tags }) => tags.length > 0),
    of: ({ tags }) => tags.join(', '),
  },
  {
    title: 'group',
    drop: 11,
    isUsed: (sets) => sets.some(({ group }) => group !== undefined),
    of: ({ group }) => group?.id ?? '',
  },
  {
    title: 'retention',
    min: 10,
    isUsed: (sets) => sets.some(({ retention }) => retention !== undefined),
    of: ({ retention }, now) => marksOf(retention, now),
  },
];

/** One line per set. Columns for what a root may never use are shown only where it is used. */
export function setsTable(
  sets: readonly ListedSet[],
  {
    now,
    screen,
    copies,
  }: { readonly now: Date; readonly screen: Screen; readonly copies?: Copies },
): string {
  const fields = FIELDS.filter(({ isUsed }) => isUsed?.(sets) ?? true);
  if (copies !== undefined) {
    const at = fields.findIndex(({ title }) => title === 'verified') + 1;
    fields.splice(at, 0, {
      title: 'copies',
      align: 'right',
      of: ({ timestamp }) => copiesCell(copies(timestamp)),
    });
  }
  return table(
    fields,
    sets.map((set) => fields.map(({ of }) => of(set, now))),
    screen,
  );
}

function ageOf({ timestamp }: ListedSet, now: Date): string {
  return age(now.getTime() - dateOf(timestamp).getTime());
}

const since = (at: string, now: Date) => age(now.getTime() - Date.parse(at));

function tablesOf({ totals, chosen }: ListedSet): string {
  return (totals === undefined ? '–' : String(totals.relations)) + (chosen ? ' (chosen)' : '');
}

function checkCell(verified: ListedSet['verified'], now: Date): Cell {
  if (verified === undefined) return undefined;
  const text = since(verified.at, now);
  if (verified.status !== 'complete') return { text: `${text} BAD`, tone: 'bad' };
  return verified.decrypted === false ? `${text} (checksums)` : text;
}

/** The age of the newest drill; a failed one is never hidden by an older good one. */
function drillCell(drill: ListedSet['drill'], now: Date): Cell {
  if (drill === undefined) return undefined;
  const text = since(drill.at, now);
  return drill.status === 'passed' ? text : { text: `${text} FAILED`, tone: 'bad' };
}

function copiesCell(copies: number | undefined): Cell {
  if (copies === undefined) return '?';
  return copies > 1 ? String(copies) : { text: String(copies), tone: 'warn' };
}

function marksOf(retention: ListedSet['retention'], now: Date): Cell {
  if (retention === undefined) return '';
  if (retention.state === 'living') return `held: ${retention.held}`;
  return { text: `expired ${since(retention.since, now)} ago`, tone: 'dim' };
}

export function toneOf(
  status: ListedSet['status'],
  { retention }: Pick<ListedSet, 'retention'>,
): Tone {
  if (retention?.state === 'expired') return 'dim';
  return STATUS_TONES[status];
}

const STATUS_TONES: Readonly<Record<ListedSet['status'], Tone>> = {
  complete: 'good',
  open: 'warn',
  unknown: 'bad',
  incomplete: 'bad',
  damaged: 'bad',
};
