import type { RequestSettings } from '../../functions/serve/console/requests/desk.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { printable } from '../output/format.ts';
import type { ChildEnd, RunChild } from '../schedule/child.ts';
import type { Scheduling } from '../schedule/start.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { runRequests } from './runner.ts';

/** Carries out requests beside other work; undefined where every target needs an operator. */
export function startRequests(
  context: ClusterContext,
  store: ObjectStore,
  settings: RequestSettings,
  runChild: RunChild,
): Scheduling | undefined {
  if (settings.targets.every(({ run }) => run === 'operator')) return undefined;
  const { output } = context;
  const stopping = new AbortController();
  const running = runRequests({
    // The signal of the context ends the child; documents are still written then.
    deps: { ...functionDeps(context, store), signal: undefined },
    settings,
    runChild,
    stopped: stopping.signal,
    events: {
      onStarted: (id) =>
        output.note('request-started', { id }, `request ${id} of the console begins`),
      onEnded: (id, end) => output.note('request-ended', { id, ...end }, endedText(id, end)),
      onTaken: (id, by) =>
        output.note('request-taken', { id, by }, printable(`request ${id} was taken by ${by}`)),
      onTrouble: (message) =>
        output.note(
          'request-trouble',
          { message },
          printable(`requests of the console cannot be read, next try in 10 s: ${message}`),
        ),
    },
  });
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function endedText(id: string, { exitCode, signal, code, message }: ChildEnd): string {
  if (exitCode === 0) return `request ${id} done`;
  const how = exitCode === undefined ? `signal ${signal}` : `exit code ${exitCode}`;
  const why = message === undefined ? '' : `: ${message}${code === undefined ? '' : ` (${code})`}`;
  return printable(`request ${id} FAILED (${how})${why}`);
}
