import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { duration, printable } from '../output/format.ts';
import { functionDeps } from '../wait-for-functions.ts';
import type { RunChild } from './child.ts';
import type { DueRun } from './due.ts';
import { entriesOf } from './entries.ts';
import { type EndedRun, type RunnerOptions, runSchedule } from './runner.ts';

/** A schedule that runs beside other work. */
export interface Scheduling {
  /** Ends the running command in order: bounded by the time of its own end. */
  stop(): Promise<void>;
}

/** The options of a runner with the entries of the configuration, which prints what it does. */
export function runnerOptions(
  context: ClusterContext,
  store: ObjectStore,
  runChild: RunChild,
  stopped: AbortSignal,
): RunnerOptions {
  const { output, config } = context;
  return {
    // The signal of the context ends the child; the documents are still written then.
    deps: { ...functionDeps(context, store), signal: undefined },
    entries: entriesOf(config),
    runChild,
    stopped,
    events: {
      onStarted: (run) =>
        output.note(
          'schedule-started',
          { entry: run.entry.name, scheduledAt: run.instant.toISOString() },
          startedText(run),
        ),
      onEnded: (run, end) => output.note('schedule-ended', end, printable(endedText(run, end))),
      onWaiting: (holder) =>
        output.note(
          'schedule-waiting',
          { holder },
          printable(`the schedule waits: ${holder} holds the lease`),
        ),
      onTrouble: (message) =>
        output.note(
          'schedule-trouble',
          { message },
          printable(`the schedule cannot go on, and tries again: ${message}`),
        ),
    },
  };
}

export function startSchedule(
  context: ClusterContext,
  store: ObjectStore,
  runChild: RunChild,
): Scheduling {
  const stopping = new AbortController();
  const running = runSchedule(runnerOptions(context, store, runChild, stopping.signal));
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function startedText({ entry, instant, isLate }: DueRun): string {
  const late = isLate ? ', late' : '';
  return `${entry.name} begins (due ${instant.toISOString().slice(0, 16)}Z${late}): stowage ${entry.args.join(' ')}`;
}

export function endedText({ entry }: DueRun, end: EndedRun): string {
  const { exitCode, signal, code, message, stopped, elapsedMs, set } = end;
  const took = `in ${duration(elapsedMs)}`;
  if (exitCode === 0) return `${entry.name} done ${took}${set === undefined ? '' : `: set ${set}`}`;
  const how = exitCode === undefined ? `signal ${signal}` : `exit code ${exitCode}`;
  const why = stopped === undefined ? '' : `, ended by the runner: ${STOPPED[stopped]}`;
  const error =
    message === undefined ? '' : `: ${message}${code === undefined ? '' : ` (${code})`}`;
  return `${entry.name} FAILED ${took} (${how}${why})${error}`;
}

const STOPPED = {
  timeout: 'its timeout has passed',
  'lease-lost': 'the lease could not be renewed',
  interrupted: 'the runner was stopped',
} as const;
