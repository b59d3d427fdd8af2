import type { Context } from '../context.ts';
import { duration } from './format.ts';

const FIRST_MS = 10_000;
const EVERY_MS = 60_000;

export interface Waiting {
  /** What is awaited, after `waiting for`; read again for each line. */
  readonly what: () => string;
  /** What must run so that the waiting ends: a sentence. */
  readonly needs: string;
  /** When the waiting ends by itself; absent = never. */
  readonly atMostMs?: number;
}

/**
 * Says what a command waits for: after 10 s, and then once a minute. Without it a silent minute
 * looks like a hang. Declare the result with `using`: the lines end with the block.
 */
export function noteWaiting(
  { output, clock }: Pick<Context, 'output' | 'clock'>,
  { what, needs, atMostMs }: Waiting,
): Disposable {
  const startedAt = clock().getTime();
  const note = () => {
    const elapsedMs = clock().getTime() - startedAt;
    const limit = atMostMs === undefined ? '' : ` of at most ${duration(atMostMs)}`;
    const whole = Math.floor(elapsedMs / 1000) * 1000;
    output.note(
      'waiting',
      { for: what(), needs, elapsedMs, ...(atMostMs === undefined ? {} : { atMostMs }) },
      `waiting for ${what()} (${duration(whole)}${limit}). ${needs}`,
    );
    timer = setTimeout(note, EVERY_MS);
  };
  let timer = setTimeout(note, FIRST_MS);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
