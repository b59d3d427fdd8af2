import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { describeExit, exitOf, tailOf, terminate } from '../../../../async/child-process.ts';
import { pause } from '../../../../async/poll.ts';
import { StowageError } from '../../../../backup-set/base/errors.ts';
import { afterMark } from '../../files/after-mark.ts';
import { quoted } from '../../files/host.ts';
import { UnsoundScript } from '../../script/unsound.ts';
import { fifoScript } from './fifo-script.ts';
import type { ListedDump } from './pipe-list.ts';

/** A FIFO that waits for gp_dump, and what has come through it. */
export interface Fifo extends ListedDump {
  /** Bytes. */
  readonly received: number;
  /** The consumer waits for bytes of gp_dump. */
  readonly isAwaited: boolean;
  /** Its bytes have ended, or were given up. */
  readonly isDone: boolean;
  /**
   * The bytes, once, as fast as the consumer takes them. Ends only behind the last byte.
   * @throws UnsoundScript when the stream is not whole.
   */
  chunks(): AsyncGenerator<Buffer>;
  /** Ends the reading within seconds, also of a silent host: `chunks` throws the reason. */
  giveUp(reason: string): void;
  /** Removes the FIFO and ends its process. May be called twice; never throws. */
  close(): Promise<void>;
}

/** For ssh to connect, and for the script to make the FIFO. */
const READY_MS_MAX = 60_000;
const OVER: IteratorResult<Buffer> = { done: true, value: undefined };
const CLOSE_MS_MAX = 2_000;
const KILL_AFTER_MS = 5_000;
const ERROR_CHARS_MAX = 2_000;

/**
 * Makes a FIFO on its host.
 * @param command the words of ssh; undefined: on this host.
 * @throws StowageError `adopt/fifo`
 */
export async function makeFifo(
  dump: ListedDump,
  command: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<Fifo> {
  const marks = { ready: `stowage-${randomUUID()}`, whole: `stowage-${randomUUID()}` };
  const script = fifoScript(dump.path, marks);
  const [program = 'sh', ...args] =
    command === undefined ? ['sh', '-c', script] : [...command, `sh -c ${quoted(script)}`];
  // Its own session: Ctrl-C in the terminal reaches Stowage only, which then ends the script.
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const exit = exitOf(child);
  const errors = tailOf(child.stderr, ERROR_CHARS_MAX);
  child.stdin.on('error', () => undefined);
  const ready = Promise.withResolvers<true>();
  const data = afterMark(child.stdout, marks.ready, () => ready.resolve(true));
  const first = data.next();
  first.catch(() => undefined);
  const ended = exit.then(describeExit, (error: Error) => error.message);
  const outcome = await within(READY_MS_MAX, Promise.race([ready.promise, ended]), signal);
  if (outcome !== true) {
    await closeChild(child);
    signal.throwIfAborted();
    const said = errors.text().trim();
    throw new StowageError(
      'adopt/fifo',
      `the FIFO ${dump.host}:${dump.path} cannot be made: ${said === '' ? (outcome ?? 'ssh or the host does not answer') : said}`,
    );
  }
  return fifoOf(dump, child, { data, first, whole: Buffer.from(marks.whole) });
}

interface Arriving {
  readonly data: AsyncGenerator<Buffer>;
  readonly first: Promise<IteratorResult<Buffer>>;
  readonly whole: Buffer;
}

function fifoOf(dump: ListedDump, child: ChildProcess, { data, first, whole }: Arriving): Fifo {
  let [received, isAwaited, isDone] = [0, false, false];
  let reason: string | undefined;
  async function* chunks(): AsyncGenerator<Buffer> {
    /** The last bytes: the mark, or rows. */
    let held = Buffer.alloc(0);
    try {
      for (let next = first; ; next = data.next()) {
        isAwaited = true;
        const step = await next.catch(() => OVER);
        isAwaited = false;
        if (step.done === true) break;
        received += step.value.length;
        const bytes = Buffer.concat([held, step.value]);
        const isWhole = bytes.subarray(-whole.length).equals(whole);
        const ready = bytes.subarray(0, Math.max(0, bytes.length - whole.length));
        held = bytes.subarray(ready.length);
        if (ready.length > 0) yield ready;
        if (isWhole) return;
      }
    } finally {
      [isAwaited, isDone] = [false, true];
    }
    throw new UnsoundScript(reason ?? 'the process that reads its FIFO was ended');
  }
  return {
    ...dump,
    get received() {
      return received;
    },
    get isAwaited() {
      return isAwaited;
    },
    get isDone() {
      return isDone;
    },
    chunks,
    giveUp(why) {
      reason ??= why;
      // A host or ssh that is silent does not end at the end of its input.
      void closeChild(child);
    },
    close: () => closeChild(child),
  };
}

/** The end of its standard input ends the script, on another host, too. */
async function closeChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
    // Another process may still hold the pipe.
    child.stdout?.destroy();
    return;
  }
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stdin?.end();
  await within(CLOSE_MS_MAX, gone);
  // Bytes that were not read keep the pipe open, and ssh writes them first.
  child.stdout?.destroy();
  await within(CLOSE_MS_MAX, gone);
  await terminate(child, KILL_AFTER_MS);
}

/** What a promise gives within so much time, or undefined. */
async function within<T>(
  ms: number,
  promise: Promise<T>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const over = new AbortController();
  const stop = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  try {
    return await Promise.race([promise, pause(ms, stop).then(() => undefined)]);
  } finally {
    over.abort();
  }
}
