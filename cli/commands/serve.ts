import { once } from 'node:events';
import { messageOf } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { type Serving, startServe } from '../../functions/serve/serve.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import type { ClusterCommand } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { numberFlag, numberFrom } from '../flags.ts';
import { withReplica } from '../open.ts';
import { printable } from '../output/format.ts';
import { activatedSocket, secretsOf, tlsOf } from '../serving.ts';
import { functionDeps } from '../wait-for-functions.ts';

export const serveCommand: ClusterCommand = {
  usage: 'serve',
  summary: 'run the functions as a web server: takes bucket notifications at /events, and sweeps',
  details: [
    'Senders present the secret (--token-file, or STOWAGE_EVENTS_TOKEN) as a bearer token or as the password of a URL.',
    'Without a secret and without --client-ca it listens on addresses of this machine only.',
    'GET /metrics is for Prometheus, GET /healthz for everybody. SIGHUP reads the certificates again; SIGTERM drains.',
    'See docs/deploy-self-hosted.md.',
  ].join('\n'),
  flags: [
    ['--host <address>', 'address to listen on (default 127.0.0.1)'],
    ['--port <n>', 'port to listen on; 0 takes a free one (default 8080)'],
    ['--sweep <seconds>', 'pause between sweeps (default 60)'],
    ['--token-file <file>', 'what senders of events must present'],
    ['--metrics-token-file <file>', 'what opens /metrics, beside the secret of the senders'],
    ['--tls-cert <file>', 'certificate of this server, with its chain'],
    ['--tls-key <file>', 'its key'],
    ['--client-ca <file>', 'only clients with a certificate of this authority get in'],
    [
      '--sns-topic <arn>',
      'take messages of this topic from SNS, and confirm its subscription (repeatable)',
    ],
  ],
  lists: ['--sns-topic <arn>'],
  cluster: (flags) => ({
    'serve.host': flags['host'],
    'serve.port': numberFlag(flags, 'port'),
    'serve.sweepSeconds': numberFlag(flags, 'sweep'),
    'serve.tokenFile': flags['tokenFile'],
    'serve.metricsTokenFile': flags['metricsTokenFile'],
    'serve.tlsCert': flags['tlsCert'],
    'serve.tlsKey': flags['tlsKey'],
    'serve.clientCa': flags['clientCa'],
    'serve.snsTopics': flags['snsTopic'],
  }),
  async run({ context }) {
    const { config, clock, env, log, output, signal } = context;
    const secrets = await secretsOf(context);
    const tls = await tlsOf(config.serve);
    const fd = activatedSocket(env, process.pid);
    return withReplica(context, async (store, replica) => {
      const serving = await startServe({
        store,
        ...(replica === undefined ? {} : { replica }),
        host: config.serve.host,
        port: config.serve.port,
        sweepIntervalMs: config.serve.sweepSeconds * 1000,
        snsTopics: config.serve.snsTopics,
        ...secrets,
        ...(tls === undefined ? {} : { tls }),
        ...(fd === undefined ? {} : { fd }),
        log,
        clock,
      });
      const renew = () => void renewCertificates(context, serving);
      process.on('SIGHUP', renew);
      output.note(
        'serving',
        { url: serving.url, root: store.url },
        `functions for ${store.url} at ${serving.url}/events; Ctrl-C ends it`,
      );
      if (!signal.aborted) await once(signal, 'abort');
      output.note('draining', {}, 'ending what runs; again to end at once');
      await serving.stop();
      process.off('SIGHUP', renew);
      return 0;
    });
  },
};

/** Files that cannot be used change nothing: the server goes on with the certificates it has. */
async function renewCertificates(
  { config, log, output }: ClusterContext,
  serving: Serving,
): Promise<void> {
  try {
    const tls = await tlsOf(config.serve);
    if (tls === undefined) return;
    serving.renew(tls);
    output.note('renewed', {}, 'certificates read again');
  } catch (error) {
    log.error({ err: error }, 'the certificates were not renewed');
    output.note(
      'not-renewed',
      { message: messageOf(error) },
      `the certificates were not renewed: ${messageOf(error)}`,
    );
  }
}

export const sweepCommand: ClusterCommand = {
  usage: 'sweep',
  summary:
    'look once at every set and restore: commit, validate, call silent ones incomplete, abort stale uploads',
  flags: [
    ['--overdue-after <seconds>', 'silence that makes a set overdue (default: what its plan says)'],
  ],
  cluster: () => ({}),
  async run({ flags, context }) {
    return withReplica(context, async (store, replica) => {
      const seconds = numberFlag(flags, 'overdueAfter');
      const report = await sweep(
        { ...functionDeps(context, store), ...(replica === undefined ? {} : { replica }) },
        seconds === undefined
          ? {}
          : { overdueAfterSeconds: numberFrom(flags, 'overdueAfter', seconds) },
      );
      context.output.result(
        report,
        [
          `looked at ${plural(report.sets, 'set')}`,
          ...timestampLine('committed', report.committed),
          ...timestampLine('validated', report.validated),
          ...timestampLine('overdue, so incomplete', report.overdue),
          ...(report.uploadsAborted > 0
            ? [`aborted ${plural(report.uploadsAborted, 'stale upload')}`]
            : []),
          ...report.problems.map(
            ({ set, restore, task, message }) =>
              `${set ?? restore ?? task ?? 'root'}: ${printable(message)}`,
          ),
        ].join('\n'),
      );
      return report.problems.length === 0 ? 0 : 3;
    });
  },
};

function timestampLine(what: string, timestamps: readonly string[]): string[] {
  return timestamps.length === 0 ? [] : [`${what}: ${timestamps.join(', ')}`];
}
