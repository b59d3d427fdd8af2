import { StowageError } from '../backup-set/base/errors.ts';

/** The signals that end a run. The end of a terminal or of an ssh session sends SIGHUP. */
export type EndingSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

const EXIT_AT_ONCE = 130;
const EXIT_UNWRITTEN = 1;

/**
 * The first signal ends the run in order. A second SIGINT or SIGTERM ends the process at once; a
 * second SIGHUP does not, because a shell and the kernel both send one when a terminal closes.
 */
export function endOnSignals(
  stop: AbortController,
  signals: readonly EndingSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'],
): void {
  let isAsked = false;
  for (const signal of signals) {
    process.on(signal, () => {
      if (signal !== 'SIGHUP') {
        if (isAsked) process.exit(EXIT_AT_ONCE);
        isAsked = true;
      }
      stop.abort(new StowageError('interrupted', `stopped by ${signal}`));
    });
  }
}

interface Outputs {
  readonly out: NodeJS.WritableStream;
  readonly err: NodeJS.WritableStream;
}

/** What `endOnLostOutput` must know about the run. */
export interface OutputWatch {
  /** Call it before the result is written: what fails from then on does not stop the run. */
  resultFollows(): void;
}

/**
 * Ends the run in order when its output cannot be written: the reader of a pipe has ended (EPIPE),
 * or the terminal is gone (EIO). Without a listener the process would crash.
 */
export function endOnLostOutput({ out, err }: Outputs, stop: AbortController): OutputWatch {
  let isDone = false;
  const listen = (stream: NodeJS.WritableStream, name: string) =>
    stream.on('error', (error: NodeJS.ErrnoException) => {
      const message = `stopped: ${name} cannot be written (${error.code ?? error.message})`;
      if (!isDone) stop.abort(new StowageError('interrupted', message));
      // A reader that has closed its pipe has read enough; a full disk has lost the result.
      else if (stream === out && !isReaderGone(error)) {
        err.write(`stowage: ${message}\n`);
        process.on('exit', (code) => {
          if (code === 0) process.exitCode = EXIT_UNWRITTEN;
        });
      }
    });
  listen(out, 'standard output');
  listen(err, 'standard error');
  return {
    resultFollows: () => {
      isDone = true;
    },
  };
}

function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'EIO' || code === 'ERR_STREAM_DESTROYED';
}
