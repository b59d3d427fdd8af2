import { duration } from '../output/format.ts';
import type { Output } from '../output/output.ts';

/** Tells the demo's story on standard error, with the time since its start. */
export interface Stage {
  scene(text: string): void;
  say(text: string): void;
}

export function newStage(output: Output, clock: () => Date): Stage {
  const startedAt = clock().getTime();
  return {
    scene(text) {
      const elapsedMs = clock().getTime() - startedAt;
      output.note('scene', { text, elapsedMs }, `\n[${duration(elapsedMs).padStart(7)}] ${text}`);
    },
    say(text) {
      output.note('say', { text }, text.replace(/^/gm, '    '));
    },
  };
}
