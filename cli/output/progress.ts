import { count, plural } from '../../backup-set/base/words.ts';
import { anyRetries } from '../../storage/retries.ts';
import type { Context } from '../context.ts';
import { bytes, duration, printable, rate } from './format.ts';
import { LEFT_MS_MIN, objectsLeft, objectsShare, sizeShare } from './progress/objects.ts';
import { retriesLines } from './storage/retries.ts';
import { folded, shortened } from './table/width.ts';

/** The progress of one segment. */
export interface SegmentProgress {
  readonly content: number;
  readonly host: string;
  readonly rows: number;
  readonly bytes: number;
  /** Compressed bytes: uploaded by a backup, downloaded by a restore. */
  readonly storedBytes: number;
  readonly relationsDone: number;
  readonly relationsPlanned: number;
  /** 0…1, or undefined when it cannot be estimated. */
  readonly fraction: number | undefined;
  /** The table, file or object under way that began first. */
  readonly current: string | undefined;
  /** Tables under way. */
  readonly underWay?: number;
  /** Schema objects that are made, or tables that are analyzed, of a phase that moves no rows. */
  readonly objectsDone?: number;
  readonly objectsPlanned?: number;
  /** Of the rows that making these objects reads. */
  readonly objectBytesDone?: number;
  readonly objectBytesPlanned?: number;
}

export interface ProgressKind {
  /** In the JSON lines: `backup`, or the phase of a restore. */
  readonly what: string;
  /** Before each line for people. */
  readonly title: string;
  /**
   * Which numbers the lines show. `verify` reads objects, and has neither rows nor tables; `time`
   * is for phases that move no rows, `count` for tables whose rows are counted.
   */
  readonly shows: 'backup' | 'restore' | 'verify' | 'count' | 'time';
  /** What follows when this is done, and is not in the time left. */
  readonly next?: readonly string[];
}

const LIVE_MS = 250;
/** Programs read the JSON lines; people and logs read the others. */
const JSON_MS = 5_000;
const PLAIN_MS = 10_000;
/** Segments drawn on a terminal, the slowest first; the last line has the total of all. */
const LINES_MAX = 16;

/** Prints progress until stopped: redrawn lines on a terminal, elsewhere a line now and then. */
export function showProgress(
  { output, clock }: Pick<Context, 'output' | 'clock'>,
  kind: ProgressKind,
  segments: () => readonly SegmentProgress[],
): { stop(): void } {
  const startedAt = clock().getTime();
  const show = () => {
    const now = segments();
    const ms = clock().getTime() - startedAt;
    const storage = anyRetries();
    const lines = [
      totalLine(kind, now, ms),
      ...(storage === undefined ? [] : retriesLines(storage)),
    ];
    if (output.live) {
      const { columns } = output.drawnOn;
      output.draw([
        ...segmentLines(kind, now, { columns, ms }),
        ...lines.flatMap((line) => folded(line, columns - 1)),
      ]);
    } else
      output.note(
        'progress',
        { what: kind.what, elapsedMs: ms, segments: now, ...(storage && { storage }) },
        lines.join('; '),
      );
  };
  const timer = setInterval(show, output.live ? LIVE_MS : output.json ? JSON_MS : PLAIN_MS);
  return {
    stop() {
      clearInterval(timer);
      output.draw([]);
    },
  };
}

/** How wide the lines may be, and how long the work has been running. */
interface Drawn {
  readonly columns: number;
  readonly ms: number;
}

/** The segments that need most time first, because the end waits for them. */
export function segmentLines(
  kind: ProgressKind,
  segments: readonly SegmentProgress[],
  drawn: Drawn,
): string[] {
  const slowest = segments.toSorted(
    (a, b) => (shareOf(kind, a) ?? 0) - (shareOf(kind, b) ?? 0) || a.content - b.content,
  );
  const more = slowest.length - LINES_MAX;
  return [
    ...slowest.slice(0, LINES_MAX).map((segment) => segmentLine(kind, segment, drawn)),
    ...(more > 0
      ? [`… and ${plural(more, 'segment')} that ${more === 1 ? 'is' : 'are'} further`]
      : []),
  ];
}

/** Which part of its work a segment has done, 0…1. */
function shareOf({ shows }: ProgressKind, segment: SegmentProgress): number | undefined {
  if (shows !== 'time') return segment.fraction;
  return objectsShare(segment);
}

/** From so many columns on, a line also has the host, the rate and the compressed bytes. */
const WIDE_COLUMNS = 120;

export function segmentLine(
  { shows }: ProgressKind,
  segment: SegmentProgress,
  { columns, ms }: Drawn = { columns: 80, ms: 0 },
): string {
  const isWide = columns >= WIDE_COLUMNS;
  const host = isWide ? ` ${shortened(printable(segment.host), 24, 'middle').padEnd(24)}` : '';
  const name = `${`content ${segment.content}`.padEnd(11)}${host}`;
  const current = printable(segment.current ?? '');
  const part =
    segment.fraction === undefined ? '   ' : `${Math.floor(segment.fraction * 100)}%`.padStart(4);
  if (shows === 'time') {
    const { objectsDone = 0, objectsPlanned = 0 } = segment;
    const objects =
      objectsPlanned === 0 ? '' : `${objectsDone}/${plural(objectsPlanned, 'object')}`;
    return `${name} ${objects.padEnd(18)} ${current}`.trimEnd();
  }
  const rateOf = (done: number) => (isWide ? `${rate(done, ms).padStart(11)}  ` : '');
  if (shows === 'verify') {
    const { storedBytes } = segment;
    const read = `${bytes(storedBytes).padStart(8)}  ${rateOf(storedBytes)}`;
    return `${name} ${part}  ${read}${current}`.trimEnd();
  }
  // The shippers of a Greenplum's segments feed rows, and load no table themselves.
  const tables =
    segment.relationsPlanned === 0
      ? ''
      : `${segment.relationsDone}/${plural(segment.relationsPlanned, 'table')}`;
  if (shows === 'count') return `${name} ${tables.padEnd(18)} ${current}`.trimEnd();
  const moved = shows === 'backup' ? 'uploaded' : 'downloaded';
  const stored = isWide ? `${bytes(segment.storedBytes).padStart(8)} ${moved}  ` : '';
  const done = `${name} ${part}  ${bytes(segment.bytes).padStart(8)}  ${rateOf(segment.bytes)}${stored}`;
  return `${done}${tables.padEnd(18)} ${current}`.trimEnd();
}

export function totalLine(
  { shows, title, next = [] }: ProgressKind,
  segments: readonly SegmentProgress[],
  ms: number,
): string {
  const total = (field: Counted) => segments.reduce((sum, one) => sum + (one[field] ?? 0), 0);
  const now = currentOf(segments);
  const then = next.length === 0 ? [] : [`then ${next.join(', ')}`];
  if (shows === 'time') {
    const planned = total('objectsPlanned');
    const objects =
      planned === 0 ? [] : [`${count(total('objectsDone'))} of ${plural(planned, 'object')}`];
    const size = sizeShare(segments);
    const left = objectsLeft(segments, ms).map((time) => `${time} in this phase`);
    return `${title}: ${[...objects, ...size, `running for ${duration(ms)}`, ...left, ...then, ...now].join(', ')}`;
  }
  const stored = bytes(total('storedBytes'));
  const left = timeLeft(segments, ms);
  if (shows === 'verify')
    return [
      `${title}: ${stored} read`,
      rate(total('storedBytes'), ms),
      ...left.map((time) => `${time} in this phase`),
      ...then,
    ].join(', ');
  const underWay = total('underWay');
  const loading = underWay > 0 && shows === 'restore' ? ` (${count(underWay)} under way)` : '';
  const tables = `${count(total('relationsDone'))} of ${plural(total('relationsPlanned'), 'table')} on all segments${loading}`;
  if (shows === 'count') return `${title}: ${plural(total('rows'), 'row')}, ${tables}`;
  return [
    `${title}: ${plural(total('rows'), 'row')}, ${bytes(total('bytes'))}`,
    shows === 'backup' ? `${stored} uploaded` : `${stored} downloaded`,
    tables,
    rate(total('bytes'), ms),
    ...left.map((time) => (shows === 'backup' ? time : `${time} in this phase`)),
    ...then,
    ...(shows === 'restore' || hasAllTables(segments) ? now : []),
  ].join(', ');
}

/** What a backup still works on then is shown: pg_dump can take longer than the rows. */
const hasAllTables = (segments: readonly SegmentProgress[]) =>
  segments.every(({ relationsDone, relationsPlanned }) => relationsDone === relationsPlanned);

type Counted =
  | 'rows'
  | 'bytes'
  | 'storedBytes'
  | 'relationsDone'
  | 'relationsPlanned'
  | 'underWay'
  | 'objectsDone'
  | 'objectsPlanned';

/** The tables or objects under way on the first segments. */
function currentOf(segments: readonly SegmentProgress[]): string[] {
  const names = [...new Set(segments.flatMap(({ current }) => current ?? []))];
  if (names.length === 0) return [];
  const more = names.length > CURRENT_SHOWN ? ', …' : '';
  return [`now ${names.slice(0, CURRENT_SHOWN).map(printable).join(', ')}${more}`];
}

const CURRENT_SHOWN = 2;

function timeLeft(segments: readonly SegmentProgress[], ms: number): string[] {
  const known = segments.flatMap(({ fraction }) => (fraction === undefined ? [] : [fraction]));
  const fraction = known.reduce((sum, next) => sum + next, 0) / known.length;
  const left = (ms / fraction) * (1 - fraction);
  return fraction > 0.01 && left >= LEFT_MS_MIN ? [`about ${duration(left)} left`] : [];
}
