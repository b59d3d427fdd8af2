import { duration } from '../output/format.ts';
import type { Output } from '../output/output.ts';

/** Prints the steps of the demo on standard error, with the time since its start. */
export interface DemoOutput {
  step(text: string): void;
  print(text: string): void;
}

export function newDemoOutput(output: Output, clock: () => Date): DemoOutput {
  const startedAt = clock().getTime();
  return {
    step(text) {
      const elapsedMs = clock().getTime() - startedAt;
      output.note('scene', { text, elapsedMs }, `\n[${duration(elapsedMs).padStart(7)}] ${text}`);
    },
    print(text) {
      output.note('say', { text }, text.replace(/^/gm, '    '));
    },
  };
}
