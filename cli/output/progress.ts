import { count, plural } from '../../backup-set/base/words.ts';
import type { Context } from '../context.ts';
import { bytes, duration, printable, rate } from './format.ts';

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
  readonly current: string | undefined;
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
}

const LIVE_MS = 250;
const PLAIN_MS = 5_000;
/** Segments drawn on a terminal; the last line has the total of all. */
const LINES_MAX = 16;

/** Prints progress until stopped: redrawn lines on a terminal, elsewhere a line every 5 s. */
export function showProgress(
  { output, clock }: Pick<Context, 'output' | 'clock'>,
  kind: ProgressKind,
  segments: () => readonly SegmentProgress[],
): { stop(): void } {
  const startedAt = clock().getTime();
  const show = () => {
    const now = segments();
    const ms = clock().getTime() - startedAt;
    const total = totalLine(kind, now, ms);
    if (output.live)
      output.draw([...now.slice(0, LINES_MAX).map((segment) => segmentLine(kind, segment)), total]);
    else output.note('progress', { what: kind.what, elapsedMs: ms, segments: now }, total);
  };
  const timer = setInterval(show, output.live ? LIVE_MS : PLAIN_MS);
  return {
    stop() {
      clearInterval(timer);
      output.draw([]);
    },
  };
}

export function segmentLine({ shows }: ProgressKind, segment: SegmentProgress): string {
  const name = `content ${segment.content}`.padEnd(11);
  const current = printable(segment.current ?? '');
  if (shows === 'time') return `${name} ${current}`.trimEnd();
  if (shows === 'verify')
    return `${name} ${bytes(segment.storedBytes).padStart(8)}  ${current}`.trimEnd();
  // The shippers of a Greenplum's segments feed rows, and load no table themselves.
  const tables =
    segment.relationsPlanned === 0
      ? ''
      : `${segment.relationsDone}/${plural(segment.relationsPlanned, 'table')}`;
  if (shows === 'count') return `${name} ${tables.padEnd(18)} ${current}`.trimEnd();
  const part =
    segment.fraction === undefined ? '   ' : `${Math.floor(segment.fraction * 100)}%`.padStart(4);
  const done = `${name} ${part}  ${bytes(segment.bytes).padStart(8)}  `;
  return `${done}${tables.padEnd(18)} ${current}`.trimEnd();
}

export function totalLine(
  { shows, title }: ProgressKind,
  segments: readonly SegmentProgress[],
  ms: number,
): string {
  const total = (field: 'rows' | 'bytes' | 'storedBytes' | 'relationsDone' | 'relationsPlanned') =>
    segments.reduce((sum, segment) => sum + segment[field], 0);
  if (shows === 'time') return `${title}: running for ${duration(ms)}`;
  const stored = bytes(total('storedBytes'));
  if (shows === 'verify') return `${title}: ${stored} read, ${rate(total('storedBytes'), ms)}`;
  const tables = `${count(total('relationsDone'))} of ${plural(total('relationsPlanned'), 'table')} on all segments`;
  if (shows === 'count') return `${title}: ${plural(total('rows'), 'row')}, ${tables}`;
  return [
    `${title}: ${plural(total('rows'), 'row')}, ${bytes(total('bytes'))}`,
    shows === 'backup' ? `${stored} uploaded` : `${stored} downloaded`,
    tables,
    rate(total('bytes'), ms),
    ...timeLeft(segments, ms).map((left) => (shows === 'backup' ? left : `${left} in this phase`)),
  ].join(', ');
}

function timeLeft(segments: readonly SegmentProgress[], ms: number): string[] {
  const known = segments.flatMap(({ fraction }) => (fraction === undefined ? [] : [fraction]));
  const fraction = known.reduce((sum, next) => sum + next, 0) / known.length;
  return fraction > 0.01 && fraction < 1
    ? [`about ${duration((ms / fraction) * (1 - fraction))} left`]
    : [];
}
