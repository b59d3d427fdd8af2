import pino, { type Logger } from 'pino';
import { asStowageError, ERRORS, isStowageError, StowageError } from '../backup-set/base/errors.ts';
import { TOOL } from '../backup-set/base/tool.ts';
import { withOwnMessage } from '../backup-set/messages/log-error.ts';
import { redacted, redactor } from '../backup-set/messages/secrets.ts';
import { ConfigError, problemLines } from './config-file/config-error.ts';
import { noProgress } from './deps.ts';
import { watchEventLoop } from './event-loop.ts';
import { CONTROL_VERSION } from './protocol/control.ts';
import { doneReport, failedReport, processReport, report } from './protocol/reports.ts';
import { runJob } from './run-job.ts';
import { parseCommand, USAGE, usageLine, usageText } from './usage.ts';

const PROGRESS_MS = 500;
/** After a signal the shipper has this long to clean up; then the process exits. */
const ENDING_MS_MAX = 20_000;
const EXIT_TOO_LATE = 130;
/** An agent that has ended exits after this long, even when something keeps its event loop busy. */
const LINGER_MS_MAX = 1_000;

/**
 * The program on a segment host. Without arguments it is a shipper: it reads one job from standard
 * input, reports on standard output and logs to standard error. With `agent` it stays resident.
 *
 * The exit code is 0 only after the report `done`. It starts as 1, because Node would exit with 0
 * when the event loop drains in the middle of a pipeline.
 */
async function main(): Promise<void> {
  process.exitCode = 1;
  const command = parseCommand(process.argv.slice(2));
  switch (command.kind) {
    case 'help':
      process.exitCode = 0;
      return print(USAGE);
    case 'version':
      process.exitCode = 0;
      return print(`${TOOL}\n`);
    case 'wrong':
      process.stderr.write(usageLine(command.message));
      process.exitCode = ERRORS['usage/flag'].exit;
      return;
    case 'agent':
      return agent(command.config);
    case 'shipper':
      return shipper();
  }
}

function print(text: string): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that has closed its pipe has read enough.
    if (error.code === 'EPIPE') return;
    process.stderr.write(usageText([`standard output cannot be written (${error.code ?? ''})`]));
    process.exitCode = 1;
  });
  process.stdout.write(text);
}

async function shipper(): Promise<void> {
  const log = newLog('warn');
  const stop = new AbortController();
  endOnSignals(stop);
  report({
    type: 'hello',
    control: CONTROL_VERSION,
    pid: process.pid,
    tool: TOOL,
    node: process.version,
    carries: true,
    provesOrders: true,
  });
  const progress = noProgress();
  const eventLoop = watchEventLoop();
  const reporting = setInterval(() => report(processReport(progress)), PROGRESS_MS);
  try {
    await runJob({ input: process.stdin, stop, progress, report, log });
    report(processReport(progress));
    report(doneReport(eventLoop.delayP99Ms()));
    process.exitCode = 0;
  } catch (error) {
    log.error({ err: error }, 'shipper failed');
    report(failedReport(error));
    process.exitCode = asStowageError(error).exitCode;
  } finally {
    clearInterval(reporting);
    eventLoop.stop();
    process.stdin.destroy();
  }
  log.debug({ uptimeMs: Math.round(performance.now()) }, 'shipper ended');
}

/** Takes its orders from the bucket (agent/agent.ts). */
async function agent(config: string): Promise<void> {
  const log = newLog('info');
  try {
    const { runAgent } = await import('./agent/agent.ts');
    await runAgent(config, log);
    process.exitCode = 0;
  } catch (error) {
    // The operator reads a mistake in the configuration, and needs no stack.
    if (isStowageError(error, 'config/invalid', 'config/missing'))
      process.stderr.write(mistakesText(error));
    else log.fatal({ err: error }, 'agent failed');
    process.exitCode = asStowageError(error).exitCode;
  }
  setTimeout(() => process.exit(), LINGER_MS_MAX).unref();
}

function mistakesText(error: StowageError): string {
  const { message, code, hint } = error;
  const lines = error instanceof ConfigError ? problemLines(error.problems) : [message];
  return usageText([...lines, `  ${code}: ${hint}`]);
}

function newLog(level: string): Logger {
  const destination = pino.destination({ fd: 2, sync: true });
  // A closed terminal fails every write (EIO). Orders that run must still end in order.
  destination.on('error', () => undefined);
  return pino(
    {
      name: 'stowage-segment-shipper',
      level: process.env['STOWAGE_LOG'] ?? level,
      base: { pid: process.pid },
      serializers: { err: withOwnMessage(pino.stdSerializers.err) },
    },
    redacted(destination, redactor(process.env)),
  );
}

function endOnSignals(stop: AbortController): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop.abort(new StowageError('interrupted', `the shipper was stopped by ${signal}`));
      setTimeout(() => process.exit(EXIT_TOO_LATE), ENDING_MS_MAX).unref();
    });
  }
  // When the coordinator dies, the other ends of both pipes close.
  process.stdout.on('error', () =>
    stop.abort(new StowageError('interrupted', 'the coordinator closed the report pipe')),
  );
}

void main();
