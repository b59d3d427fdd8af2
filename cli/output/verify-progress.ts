import { plural } from '../../backup-set/base/words.ts';
import type { ClusterContext } from '../context.ts';
import { bytes, rate } from './format.ts';

const SHOW_MS = 500;
const PLAIN_MS = 5_000;

/** One line of progress for `verify`. */
export function showVerifyProgress({ output, clock }: ClusterContext) {
  const startedAt = clock().getTime();
  let shownAt = startedAt;
  return {
    update({ objects, bytes: done }: { readonly objects: number; readonly bytes: number }): void {
      const now = clock().getTime();
      if (now - shownAt < (output.live ? SHOW_MS : PLAIN_MS)) return;
      shownAt = now;
      const text = `verify: ${plural(objects, 'object')}, ${bytes(done)} read, ${rate(done, now - startedAt)}`;
      if (output.live) output.draw([text]);
      else
        output.note(
          'progress',
          { what: 'verify', objects, bytes: done, elapsedMs: now - startedAt },
          text,
        );
    },
    stop: () => output.draw([]),
  };
}
