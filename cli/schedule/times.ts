import { Cron } from 'croner';
import { sha256 } from '../../backup-set/base/document.ts';
import { messageOf } from '../../backup-set/base/errors.ts';

/** When an entry runs. */
export interface Times {
  /** A cron expression of five fields, a nickname such as `@daily`, or BY_ORDER. */
  readonly cron: string;
  readonly timeZone: string;
}

/** Of an entry that has no times of its own: it runs when an order asks for it. */
export const BY_ORDER = 'order';

/**
 * The first instant after `after`. A local time that a change of the clocks leaves out runs at the
 * end of the gap; one that exists twice runs once, unless the expression names every hour.
 * @returns undefined when there is none, as for 30 February.
 */
export function nextAfter({ cron, timeZone }: Times, after: Date): Date | undefined {
  if (cron === BY_ORDER) return undefined;
  return parsed(cron, timeZone).nextRun(after) ?? undefined;
}

const HOUR_MS = 3_600_000;
/** From an hour to the longest pause of an expression: 29 February, across the year 2100. */
const SPANS_MS = [1, 24, 8 * 24, 32 * 24, 400 * 24, 8 * 366 * 24].map((hours) => hours * HOUR_MS);

/**
 * The newest instant that is not after `at`. It comes from `nextAfter`, so that both agree about
 * changes of the clocks.
 */
export function latestAt(times: Times, at: Date): Date | undefined {
  for (const spanMs of SPANS_MS) {
    let found = nextAfter(times, new Date(at.getTime() - spanMs));
    if (found === undefined || found > at) continue;
    for (;;) {
      const next = nextAfter(times, found);
      if (next === undefined || next > at) return found;
      found = next;
    }
  }
  return undefined;
}

/** Why a text is not a cron expression that ever runs; undefined when it is one. */
export function cronProblem(cron: string): string | undefined {
  try {
    if (nextAfter({ cron, timeZone: 'UTC' }, new Date(0)) !== undefined) return undefined;
    return `${JSON.stringify(cron)} never runs: no date fits`;
  } catch (error) {
    const why = messageOf(error).replace(/^Cron\w+: /, '');
    return `${JSON.stringify(cron)} is not a cron expression of five fields (minute hour day month weekday, for example "0 2 * * *"): ${why}`;
  }
}

export function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone }).format(0) !== '';
  } catch {
    return false;
  }
}

/**
 * The delay of a run: 0 to `jitterMs`. It follows from its arguments, so that all runners of a root
 * wait for the same moment.
 */
export function jitterOf(root: string, entry: string, instant: Date, jitterMs: number): number {
  if (jitterMs === 0) return 0;
  const seed = sha256(Buffer.from(`${root} ${entry} ${instant.toISOString()}`));
  return Math.floor((Number.parseInt(seed.slice(0, 8), 16) / 2 ** 32) * jitterMs);
}

function parsed(cron: string, timezone: string): Cron {
  return new Cron(cron, { timezone, mode: '5-part', paused: true });
}
