import type { ClusterContext } from '../context.ts';
import { duration, printable } from '../output/format.ts';

/** A step that takes less is not worth a line. */
const EVERY_MS = 10_000;

/**
 * Says what a command does while it has no progress of rows to show: a line for each ten seconds
 * that it takes, with the step of that moment.
 */
export function showSteps(
  { output, clock }: Pick<ClusterContext, 'output' | 'clock'>,
  everyMs: number = EVERY_MS,
): Disposable & { readonly begin: (step: string) => void } {
  let current: string | undefined;
  const startedAt = clock().getTime();
  const timer = setInterval(() => {
    if (current === undefined) return;
    const elapsedMs = clock().getTime() - startedAt;
    const line = `snapshot: ${current} (${duration(elapsedMs)} since the start)`;
    output.note('step', { step: current, elapsedMs }, printable(line));
  }, everyMs);
  timer.unref();
  return {
    begin: (step) => {
      current = step;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
