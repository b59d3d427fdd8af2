import { count } from '../../backup-set/base/words.ts';
import { bytes, duration, printable, rate } from './format.ts';
import type { Output } from './output.ts';

/** One segment's line. */
export interface SegmentProgress {
  readonly content: number;
  readonly host: string;
  readonly rows: number;
  readonly bytes: number;
  readonly storedBytes: number;
  readonly relationsDone: number;
  readonly relationsPlanned: number;
  /** 0…1, or undefined when nobody can say. */
  readonly fraction: number | undefined;
  readonly current: string | undefined;
}

const LIVE_MS = 250;
const PLAIN_MS = 5_000;
/** Segments drawn on a terminal; the total line speaks for the rest. */
const LINES_MAX = 16;

/** Shows progress until stopped: redrawn lines on a terminal, a line now and then elsewhere, JSON with --json. */
export function showProgress(
  what: string,
  output: Output,
  clock: () => Date,
  segments: () => readonly SegmentProgress[],
): { stop(): void } {
  const startedAt = clock().getTime();
  const show = () => {
    const now = segments();
    const ms = clock().getTime() - startedAt;
    if (output.live)
      output.draw([...now.slice(0, LINES_MAX).map(segmentLine), totalLine(what, now, ms)]);
    else output.note('progress', { what, elapsedMs: ms, segments: now }, totalLine(what, now, ms));
  };
  const timer = setInterval(show, output.live ? LIVE_MS : PLAIN_MS);
  return {
    stop() {
      clearInterval(timer);
      output.draw([]);
    },
  };
}

function segmentLine(segment: SegmentProgress): string {
  const name = `content ${segment.content}`.padEnd(11);
  const part =
    segment.fraction === undefined ? '   ' : `${Math.floor(segment.fraction * 100)}%`.padStart(4);
  const tables = `${segment.relationsDone}/${segment.relationsPlanned} tables`;
  return `${name} ${part}  ${bytes(segment.bytes).padStart(8)}  ${tables.padEnd(18)} ${printable(segment.current ?? '')}`;
}

function totalLine(what: string, segments: readonly SegmentProgress[], ms: number): string {
  const total = (field: 'rows' | 'bytes' | 'storedBytes' | 'relationsDone' | 'relationsPlanned') =>
    segments.reduce((sum, segment) => sum + segment[field], 0);
  const known = segments.flatMap(({ fraction }) => (fraction === undefined ? [] : [fraction]));
  const fraction =
    known.length === 0 ? undefined : known.reduce((sum, next) => sum + next, 0) / known.length;
  const left =
    fraction !== undefined && fraction > 0.01 && fraction < 1
      ? `, about ${duration((ms / fraction) * (1 - fraction))} left`
      : '';
  return (
    `${what}: ${bytes(total('bytes'))} in ${count(total('rows'))} rows, ${total('relationsDone')}/${total('relationsPlanned')} tables, ` +
    `${bytes(total('storedBytes'))} stored, ${rate(total('bytes'), ms)}${left}`
  );
}
