/**
 * A server sends rows as it produces them, 8 KB at a time, and waking up for each of these costs
 * more
 * than receiving it. So within a COPY, after a read smaller than this, the next read waits a
 * moment.
 */
const SMALL_READ_BYTES = 64 * 1024;
/**
 * Waiting costs nothing while the socket can buffer what the server sends meanwhile: several MB
 * over
 * TCP, but only 160 KB over a Unix socket, which is little for wide rows. So both ways are tried,
 * each
 * on this much of a stream, and compared.
 */
const TRIAL_BYTES = 16 * 1024 * 1024;
/** How much faster reading without waits must be to be chosen, because the wake-ups cost CPU. */
const FASTER_MIN = 1.25;
/** After this much of the stream the two ways are compared again. */
const CHOICE_BYTES = 512 * 1024 * 1024;

/** Decides for one connection whether a read waits until more has come. */
export interface Gathering {
  /** Whether the next read should wait, after a read of this many bytes of rows. */
  waitsAfter(bytesRead: number): boolean;
  /** The stream paused, so the time measured so far tells nothing about speed. */
  interrupted(): void;
}

type Way = 'gather' | 'at once';

export function gathering(now: () => number = performance.now.bind(performance)): Gathering {
  let way: Way = 'gather';
  /** Bytes per millisecond with waits; undefined while this is being measured. */
  let gathered: number | undefined;
  let isTrial = true;
  let bytes = 0;
  let since: number | undefined;

  function next(): void {
    if (!isTrial) {
      [way, gathered, isTrial] = ['gather', undefined, true];
      return;
    }
    const speed = bytes / Math.max(now() - (since ?? 0), Number.EPSILON);
    if (gathered === undefined) [way, gathered] = ['at once', speed];
    else [way, isTrial] = [speed > gathered * FASTER_MIN ? 'at once' : 'gather', false];
  }

  return {
    waitsAfter(bytesRead) {
      if (since === undefined) since = now();
      else bytes += bytesRead;
      if (bytes >= (isTrial ? TRIAL_BYTES : CHOICE_BYTES)) {
        next();
        [bytes, since] = [0, now()];
      }
      return way === 'gather' && bytesRead < SMALL_READ_BYTES;
    },
    interrupted() {
      if (!isTrial) return;
      [bytes, since] = [0, undefined];
    },
  };
}
