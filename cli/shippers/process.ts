import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { type Exit, exitOf, tailOf, terminate } from '../../async/child-process.ts';
import { watchSilence } from '../../async/watch/silence.ts';
import {
  asStowageError,
  ERRORS,
  type ErrorCode,
  messageOf,
  StowageError,
} from '../../backup-set/base/errors.ts';
import { stallMsOf } from '../../database/liveness/stalled.ts';
import type { Instruction, Job, Report } from '../../segment-shipper/protocol/control.ts';
import { SHIPPER_FLAGS } from '../../segment-shipper/protocol/node-flags.ts';
import { reportRetries } from '../../storage/retries.ts';
import { type Answer, describeAnswer, reportsOf, versionOf } from './answer.ts';

/** A shipper on this machine or on a segment host, as the coordinator controls it. */
export interface ShipperProcess {
  readonly content: number;
  /** Process id of the program started on this machine: the shipper, or ssh. */
  readonly pid: number | undefined;
  /** Whether it knows frames of a base; undefined when it ended before it said so. */
  readonly carries: Promise<boolean | undefined>;
  send(instruction: Instruction): void;
  /** As `send`. Resolves when the pipe has taken it, or the shipper has died; never throws. */
  deliver(instruction: Instruction): Promise<void>;
  /**
   * Resolves after the report `done` and exit code 0; rejects with an error that names the segment.
   */
  readonly ended: Promise<void>;
  /** Sends SIGTERM, and SIGKILL after 15 s. Resolves when the process has ended; never throws. */
  stop(): Promise<void>;
}

export interface ShipperStart {
  readonly job: Job;
  readonly host: string;
  /** The command that starts the shipper; undefined = a process on this machine. */
  readonly command: readonly string[] | undefined;
  readonly onReport: (report: Report) => void;
  readonly log: Logger;
}

/**
 * Threads of libuv's pool: one per worker for its frame, and two for files and host names. libuv's
 * default of four would make eight workers take turns. No more than the cores: further threads
 * would slow down the main thread, which receives the rows of every worker.
 */
function threadsFor(workers: number): number {
  return Math.max(THREADS_MIN, Math.min(workers + 2, availableParallelism()));
}

const THREADS_MIN = 2;

/** To start on a busy host takes seconds. */
const SILENT_MS_MIN = 10_000;
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
  // Before any other work: an early exit must not be missed.
  const exited = exitOf(child);
  const stderr = tailOf(child.stderr, STDERR_CHARS_KEPT);
  child.stderr.on('data', (text: string) =>
    log.debug({ content, stderr: text.trimEnd() }, 'shipper log'),
  );
  // Writing to a shipper that has died fails here first; its exit says why it ended.
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${JSON.stringify(job)}\n`);
  let silent: StowageError | undefined;
  const greeted = Promise.withResolvers<boolean | undefined>();

  const ended = follow().finally(() => greeted.resolve(undefined));
  ended.catch(() => undefined);
  return {
    content,
    pid: child.pid,
    carries: greeted.promise,
    send: (instruction) => void child.stdin.write(`${JSON.stringify(instruction)}\n`),
    deliver: (instruction) =>
      new Promise((resolve) => {
        child.stdin.write(`${JSON.stringify(instruction)}\n`, () => resolve());
      }),
    ended,
    stop,
  };

  async function follow(): Promise<void> {
    let last: Report | undefined;
    let unreadable: StowageError | undefined;
    const answer: Answer = { before: [], hello: undefined };
    try {
      using _ = watchReports();
      for await (const report of reportsOf(child.stdout, answer)) {
        if (report.type === 'hello') greeted.resolve(report.carries === true);
        if (report.type === 'failed' || report.type === 'done') last = report;
        if (report.type === 'progress' && report.storage !== undefined)
          reportRetries(child, report.storage);
        onReport(report);
      }
    } catch (error) {
      unreadable = asStowageError(error);
      child.kill('SIGTERM');
    }
    const exit = await exited.catch((cause: unknown) => {
      throw new StowageError(
        'shipper/died',
        `cannot start the shipper of content ${content} on ${host}: ${messageOf(cause)}`,
        { cause, where: { content } },
      );
    });
    if (silent !== undefined) throw silent;
    if (last?.type === 'failed') throw reportedError(last, { content, host, answer });
    if (unreadable !== undefined)
      throw wrongAnswer(unreadable, { content, host, answer }, { exit, log: stderr.text() });
    if (last?.type === 'done' && exit.code === 0) return;
    throw endedError({ content, host, answer }, { exit, log: stderr.text() });
  }

  /** A shipper that works reports twice a second. */
  function watchReports(): Disposable {
    const afterMs = Math.max(stallMsOf(job.target), SILENT_MS_MIN);
    return watchSilence({
      afterMs,
      look: () => (child.stdout as Socket).bytesRead,
      onSilent: async () => {
        silent ??= silentError(job, host, afterMs);
        await terminate(child, STOP_MS_MAX);
      },
    });
  }

  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.stdin.end();
    await terminate(child, STOP_MS_MAX);
    await ended.catch(() => undefined);
  }
}

interface Answered {
  readonly content: number;
  readonly host: string;
  readonly answer: Answer;
}

interface Ending {
  readonly exit: Exit;
  readonly log: string;
}

/** Another program answered, or another version. */
function wrongAnswer(
  { code, message }: StowageError,
  { content, host, answer }: Answered,
  { exit, log }: Ending,
): StowageError {
  const what = `the shipper of content ${content} on ${host} did not answer as one: ${message}`;
  return new StowageError(code, `${what}${describeAnswer(answer, exit, log)}`, {
    where: { content },
  });
}

function reportedError(
  report: Extract<Report, { type: 'failed' }>,
  { content, host, answer }: Answered,
): StowageError {
  const code = report.code in ERRORS ? (report.code as ErrorCode) : 'internal';
  const { relation, object, offset } = report;
  const versions = code === 'shipper/protocol' ? versionOf(answer) : '';
  const message = `${report.message}${versions && `; ${versions}`}`;
  return new StowageError(code, `content ${content} on ${host}: ${message}`, {
    where: {
      content,
      ...(relation && { relation }),
      ...(object && { object }),
      ...(offset !== undefined && { offset }),
    },
  });
}

function silentError({ content }: Job, host: string, silentMs: number): StowageError {
  return new StowageError(
    'shipper/died',
    `the shipper of content ${content} on ${host} has sent no report for ${Math.round(silentMs / 1000)} s (stallSeconds): its process is stopped or hangs, or its host or the connection to it is silent`,
    { where: { content } },
  );
}

function endedError({ content, host, answer }: Answered, { exit, log }: Ending): StowageError {
  const how =
    exit.signal === null
      ? `exited with code ${exit.code} before it reported "done"`
      : `was killed by ${exit.signal}`;
  return new StowageError(
    'shipper/died',
    `the shipper of content ${content} on ${host} ${how}${describeAnswer(answer, exit, log)}`,
    { where: { content } },
  );
}

/** In a checkout the shipper runs from source; installed, from the bundle in the same folder. */
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
