import { once } from 'node:events';
import { startServe } from '../../functions/serve.ts';
import { sweep } from '../../functions/sweep.ts';
import type { ClusterCommand } from '../command.ts';
import { numberFlag, numberFrom } from '../flags.ts';
import { plural, printable } from '../format.ts';
import { withStore } from '../open.ts';
import { functionDeps } from '../proof.ts';

export const serveCommand: ClusterCommand = {
  usage: 'serve',
  summary: 'run the functions as a web server: takes bucket notifications at /events, and sweeps',
  details: 'With STOWAGE_EVENTS_TOKEN set, senders must present it as a bearer token.',
  flags: [
    ['--host <address>', 'address to listen on (default 127.0.0.1)'],
    ['--port <n>', 'port to listen on; 0 takes a free one (default 8080)'],
    ['--sweep <seconds>', 'pause between sweeps (default 60)'],
  ],
  cluster: (flags) => ({
    'serve.host': flags['host'],
    'serve.port': numberFlag(flags, 'port'),
    'serve.sweepSeconds': numberFlag(flags, 'sweep'),
  }),
  async run({ context }) {
    const { config, clock, env, log, output, signal } = context;
    const token = env['STOWAGE_EVENTS_TOKEN'];
    return withStore(context, async (store) => {
      const serving = await startServe({
        store,
        host: config.serve.host,
        port: config.serve.port,
        sweepIntervalMs: config.serve.sweepSeconds * 1000,
        ...(token ? { token } : {}),
        log,
        clock,
      });
      output.note(
        'serving',
        { url: serving.url, root: store.url },
        `functions for ${store.url} at ${serving.url}/events; Ctrl-C ends it`,
      );
      if (!signal.aborted) await once(signal, 'abort');
      await serving.stop();
      return 0;
    });
  },
};

export const sweepCommand: ClusterCommand = {
  usage: 'sweep',
  summary:
    'look once at every set and restore: commit, validate, call silent ones incomplete, abort stale uploads',
  flags: [['--overdue-after <seconds>', 'silence that makes a set overdue (default: what its plan says)']],
  cluster: () => ({}),
  async run({ flags, context }) {
    return withStore(context, async (store) => {
      const seconds = numberFlag(flags, 'overdueAfter');
      const report = await sweep(
        functionDeps(context, store),
        seconds === undefined ? {} : { overdueAfterSeconds: numberFrom(flags, 'overdueAfter', seconds) },
      );
      context.output.result(
        report,
        [
          `looked at ${plural(report.sets, 'set')}`,
          ...named('committed', report.committed),
          ...named('validated', report.validated),
          ...named('overdue, so incomplete', report.overdue),
          ...(report.uploadsAborted > 0 ? [`aborted ${plural(report.uploadsAborted, 'stale upload')}`] : []),
          ...report.problems.map(
            ({ set, restore, message }) => `${set ?? restore ?? 'root'}: ${printable(message)}`,
          ),
        ].join('\n'),
      );
      return report.problems.length === 0 ? 0 : 3;
    });
  },
};

function named(what: string, timestamps: readonly string[]): string[] {
  return timestamps.length === 0 ? [] : [`${what}: ${timestamps.join(', ')}`];
}
