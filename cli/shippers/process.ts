import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import {
  asStowageError,
  ERRORS,
  type ErrorCode,
  messageOf,
  StowageError,
} from '../../backup-set/base/errors.ts';
import { type Instruction, type Job, Report } from '../../segment-shipper/protocol/control.ts';
import { readLines } from '../../segment-shipper/protocol/ndjson.ts';
import { SHIPPER_FLAGS } from '../../segment-shipper/protocol/node-flags.ts';

/** A shipper somewhere, seen from the coordinator. */
export interface ShipperProcess {
  readonly content: number;
  /** Process id of what was started on this machine (the shipper, or ssh). */
  readonly pid: number | undefined;
  send(instruction: Instruction): void;
  /** Resolves after `done` and exit code 0; rejects with an error that names the segment and what its shipper said last. */
  readonly ended: Promise<void>;
  /** Ends it: politely, then for good. Bounded in time, never throws. */
  stop(): Promise<void>;
}

export interface ShipperStart {
  readonly job: Job;
  readonly host: string;
  /** Absent = a process on this machine. */
  readonly command: readonly string[] | undefined;
  readonly onReport: (report: Report) => void;
  readonly log: Logger;
}

/**
 * A thread for each worker's frame and some for files and names, as libuv's four would make eight workers take turns; but no more than there are
 * cores, or they keep the main thread waiting, on which every worker's rows are received.
 */
function threadsFor(workers: number): number {
  return Math.max(THREADS_MIN, Math.min(workers + 2, availableParallelism()));
}

const THREADS_MIN = 2;

const STOP_MS_MAX = 15_000;
const STDERR_CHARS_KEPT = 4_000;

export function startShipper({ job, host, command, onReport, log }: ShipperStart): ShipperProcess {
  const { content } = job;
  const [program = process.execPath, ...args] =
    fillCommand(command, { host, content }) ?? localCommand();
  const child = spawn(program, args, {
    env: { UV_THREADPOOL_SIZE: String(threadsFor(job.workers)), ...process.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-STDERR_CHARS_KEPT);
    log.debug({ content, stderr: text.trimEnd() }, 'shipper says');
  });
  // Writing to a shipper that has died fails here first; its exit tells the story.
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${JSON.stringify(job)}\n`);

  const ended = follow();
  ended.catch(() => undefined);
  return {
    content,
    pid: child.pid,
    send: (instruction) => void child.stdin.write(`${JSON.stringify(instruction)}\n`),
    ended,
    stop,
  };

  async function follow(): Promise<void> {
    let last: Report | undefined;
    let unreadable: StowageError | undefined;
    const exited = Promise.race([
      once(child, 'close'),
      once(child, 'error').then(([error]) => Promise.reject(error as Error)),
    ]);
    exited.catch(() => undefined);
    try {
      for await (const report of readLines(child.stdout, Report)) {
        if (report.type === 'failed' || report.type === 'done') last = report;
        onReport(report);
      }
    } catch (error) {
      unreadable = asStowageError(error);
      child.kill('SIGTERM');
    }
    let exit: [number | null, NodeJS.Signals | null];
    try {
      exit = (await exited) as typeof exit;
    } catch (cause) {
      throw new StowageError(
        'shipper/died',
        `the shipper of content ${content} on ${host} could not be started: ${messageOf(cause)}`,
        { cause, where: { content } },
      );
    }
    if (last?.type === 'failed') throw reportedError(last, content, host);
    if (unreadable !== undefined) throw unreadable;
    if (last?.type === 'done' && exit[0] === 0) return;
    throw endedError(exit, content, host, tail);
  }

  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.stdin.end();
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    await ended.catch(() => undefined);
    clearTimeout(kill);
  }
}

function reportedError(
  report: Extract<Report, { type: 'failed' }>,
  content: number,
  host: string,
): StowageError {
  const code = report.code in ERRORS ? (report.code as ErrorCode) : 'internal';
  const { relation, object, offset } = report;
  return new StowageError(code, `content ${content} on ${host}: ${report.message}`, {
    where: {
      content,
      ...(relation && { relation }),
      ...(object && { object }),
      ...(offset !== undefined && { offset }),
    },
  });
}

function endedError(
  [code, signal]: [number | null, NodeJS.Signals | null],
  content: number,
  host: string,
  tail: string,
): StowageError {
  const how =
    signal === null ? `ended with exit code ${code} before it was done` : `was ended by ${signal}`;
  const said = tail.trim() === '' ? '' : `; it said: ${tail.trim().split('\n').at(-1)}`;
  return new StowageError(
    'shipper/died',
    `the shipper of content ${content} on ${host} ${how}${said}`,
    {
      where: { content },
    },
  );
}

/** Runs from source in a checkout, from the bundle beside us when installed. */
function localCommand(): string[] {
  const fromSource = import.meta.url.endsWith('.ts');
  const entry = fromSource ? '../../segment-shipper/main.ts' : './segment-shipper.js';
  return [process.execPath, ...SHIPPER_FLAGS, fileURLToPath(new URL(entry, import.meta.url))];
}

function fillCommand(
  command: readonly string[] | undefined,
  { host, content }: { host: string; content: number },
): string[] | undefined {
  return command?.map((word) =>
    word.replaceAll('{host}', host).replaceAll('{content}', String(content)),
  );
}
