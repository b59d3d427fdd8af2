import { parseArgs } from 'node:util';
import pino from 'pino';
import { asStowageError, type ErrorCode, StowageError } from '../backup-set/base/errors.ts';
import type { Phase } from '../backup-set/base/keys.ts';
import { TOOL } from '../backup-set/base/tool.ts';
import { markModuleUsed } from '../storage/mark-module-used.ts';
import { openStore } from '../storage/open.ts';
import { throttledReads } from '../storage/wrapped/throttled-reads.ts';
import { noProgress, type Progress, type ShipperDeps } from './deps.ts';
import { watchEventLoop } from './event-loop.ts';
import { CONTROL_VERSION, Instruction, Job, type Report } from './protocol/control.ts';
import { linesOf, parseLine } from './protocol/ndjson.ts';
import { type RateLimit, rateLimit } from './rate/throttle.ts';

/** How long an orderly end may take after a signal before the process just goes. */
const ENDING_MS_MAX = 20_000;
const PROGRESS_MS = 500;

/**
 * The program on a segment host. Reads one job from standard input, reports on standard output, logs to standard error. It ends with
 * exit code 0 only after the last report `done`: when the event loop drains in the middle of a pipeline Node would exit 0 by itself.
 */
async function main(): Promise<void> {
  process.exitCode = 1;
  if (process.argv[2] === 'agent') return agent();
  const log = newLog('warn');
  const stop = new AbortController();
  endOnSignals(stop);
  report({ type: 'hello', control: CONTROL_VERSION, pid: process.pid, tool: TOOL });
  const progress = noProgress();
  const eventLoop = watchEventLoop();
  const reporting = setInterval(() => reportProgress(progress), PROGRESS_MS);
  try {
    await run(stop, progress, log);
    reportProgress(progress);
    const { user, system } = process.cpuUsage();
    const eventLoopDelayP99Ms = eventLoop.delayP99Ms();
    report({
      type: 'done',
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      cpuMs: Math.round((user + system) / 1000),
      ...(eventLoopDelayP99Ms !== undefined && { eventLoopDelayP99Ms }),
    });
    process.exitCode = 0;
  } catch (error) {
    log.error({ err: error }, 'shipper failed');
    reportFailure(error);
    process.exitCode = asStowageError(error).exitCode;
  } finally {
    clearInterval(reporting);
    eventLoop.stop();
    process.stdin.destroy();
  }
  log.debug({ uptimeMs: Math.round(performance.now()) }, 'shipper ends');
}

/** `agent --config <file>`: stays, and takes its orders from the bucket (agent.ts). */
async function agent(): Promise<void> {
  const log = newLog('info');
  try {
    const { values } = parseArgs({
      args: process.argv.slice(3),
      options: { config: { type: 'string' } },
    });
    const { runAgent } = await import('./agent/agent.ts');
    await runAgent(values.config ?? 'agent.yaml', log);
    process.exitCode = 0;
  } catch (error) {
    log.fatal({ err: error }, 'agent failed');
    process.exitCode = asStowageError(error).exitCode;
  }
  // Nothing may keep an agent alive that has ended.
  setTimeout(() => process.exit(), LINGER_MS_MAX).unref();
}

const LINGER_MS_MAX = 1_000;

function newLog(level: string): ShipperDeps['log'] {
  return pino(
    {
      name: 'stowage-segment-shipper',
      level: process.env['STOWAGE_LOG'] ?? level,
      base: { pid: process.pid },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}

async function run(
  stop: AbortController,
  progress: Progress,
  log: ShipperDeps['log'],
): Promise<void> {
  const lines = linesOf(process.stdin);
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  stop.signal.addEventListener('abort', () => stopped.reject(stop.signal.reason), { once: true });
  // A signal must also end a shipper whose job never comes.
  const first = await Promise.race([lines.next(), stopped.promise]);
  if (first.done === true)
    throw new StowageError('shipper/protocol', 'standard input ended before a job came');
  const job = parseLine(first.value, Job);
  const store = await openStore(job.store);
  const limit = rateLimit(job.bytesPerSecond);
  const deps: ShipperDeps = {
    store,
    clock: () => new Date(),
    log: log.child({ content: job.content }),
    report,
    progress,
    throttle: limit.throttle,
    signal: stop.signal,
  };
  try {
    if (job.type === 'backup') {
      // The coordinator keeps our standard input open for as long as it lives.
      const noMore = new AbortController();
      void watchParent(lines, stop, noMore, limit);
      markModuleUsed('backup');
      const { backup } = await import('./backup/backup.ts');
      await backup(job, noMore.signal, deps);
    } else {
      markModuleUsed('restore');
      const { restore } = await import('./restore/restore.ts');
      const reads = throttledReads(store, limit.throttle);
      await restore(job, announced(lines, stop, limit), { ...deps, store: reads });
    }
  } finally {
    await store.close();
  }
}

async function watchParent(
  lines: AsyncIterable<string>,
  stop: AbortController,
  noMore: AbortController,
  limit: RateLimit,
): Promise<void> {
  try {
    for await (const line of lines) {
      const instruction = parseLine(line, Instruction);
      if (instruction.type === 'end') noMore.abort();
      if (instruction.type === 'rate') limit.setRate(instruction.bytesPerSecond);
    }
  } catch {
    // A broken pipe says the same as its end.
  }
  stop.abort(new StowageError('interrupted', 'the coordinator is gone'));
}

/**
 * Orders are read ahead of their turn, so that the end of standard input is noticed while one is carried out: the coordinator says
 * `end` when there are no more; without it, it died.
 */
async function* announced(
  lines: AsyncGenerator<string>,
  stop: AbortController,
  limit: RateLimit,
): AsyncGenerator<Phase> {
  const waiting: Phase[] = [];
  let ended = false;
  let wake = () => {};
  const reading = (async () => {
    try {
      for await (const line of lines) {
        const instruction = parseLine(line, Instruction);
        if (instruction.type === 'end') {
          ended = true;
          return;
        }
        if (instruction.type === 'rate') {
          limit.setRate(instruction.bytesPerSecond);
          continue;
        }
        waiting.push(instruction.phase);
        wake();
      }
      stop.abort(new StowageError('interrupted', 'the coordinator is gone'));
    } catch (error) {
      stop.abort(error);
    }
  })().finally(() => wake());
  for (;;) {
    const next = waiting.shift();
    if (next !== undefined) yield next;
    else if (ended || stop.signal.aborted) break;
    else await new Promise<void>((resolve) => (wake = resolve));
  }
  await reading;
  stop.signal.throwIfAborted();
}

function endOnSignals(stop: AbortController): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop.abort(new StowageError('interrupted', `ended by ${signal}`));
      setTimeout(() => process.exit(ENDED_LATE), ENDING_MS_MAX).unref();
    });
  }
  // A coordinator that died takes the other end of both pipes with it.
  process.stdout.on('error', () =>
    stop.abort(new StowageError('interrupted', 'nobody reads our reports')),
  );
}

const ENDED_LATE = 130;

function reportProgress({ rows, bytes, storedBytes, relation }: Progress): void {
  report({
    type: 'progress',
    rows,
    bytes,
    storedBytes,
    ...(relation === undefined ? {} : { relation }),
  });
}

function reportFailure(error: unknown): void {
  const { code, message, where } = asStowageError(error);
  report({
    type: 'failed',
    code: code satisfies ErrorCode,
    message,
    ...(where.relation === undefined ? {} : { relation: where.relation }),
    ...(where.object === undefined ? {} : { object: where.object }),
    ...(where.offset === undefined ? {} : { offset: where.offset }),
  });
}

function report(line: Report): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

void main();
