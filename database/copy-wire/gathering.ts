/**
 * A server sends rows as it makes them, 8 KB at a time, and to be woken for each of these costs more than to receive it. So
 * after a read of less than this, within a COPY, the next one waits a moment, and finds much more.
 */
const SMALL_READ_BYTES = 64 * 1024;
/**
 * Waiting costs nothing while the socket holds all that the server makes meanwhile: several MB over TCP, but 160 KB over a
 * Unix socket, which is little for wide rows. So both ways are tried on so much of a stream, and compared.
 */
const TRIAL_BYTES = 16 * 1024 * 1024;
/** By so much more must come without waiting: it is the other core that pays for being woken. */
const FASTER_MIN = 1.25;
/** For how much of the stream a comparison is good. */
const CHOICE_BYTES = 512 * 1024 * 1024;

/** Decides for one connection whether a read waits until more has come. */
export interface Gathering {
  /** So much has just been read of a stream of rows; is the next read to wait? */
  waitsAfter(bytesRead: number): boolean;
  /** No rows came: what was measured up to here says nothing about speed. */
  interrupted(): void;
}

type Way = 'gather' | 'at once';

export function gathering(now: () => number = performance.now.bind(performance)): Gathering {
  let way: Way = 'gather';
  /** How much came in a millisecond when it was gathered; undefined while that is being tried. */
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
