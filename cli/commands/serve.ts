import { once } from 'node:events';
import { messageOf } from '../../backup-set/base/errors.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { expireOncePerSlot } from '../../functions/retention/schedule.ts';
import { expiryProblems } from '../../functions/retention/steps-apart.ts';
import { type Serving, startServe } from '../../functions/serve/serve.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import { announceOptions } from '../announce/channels.ts';
import { announcementLines, sweepAnnouncements } from '../announce/sweep.ts';
import type { ClusterCommand } from '../command.ts';
import { openConsoleRoots } from '../console/roots.ts';
import type { ClusterContext } from '../context.ts';
import { numberFlag, secondsFlag, secondsFrom } from '../flags.ts';
import { withReplica } from '../open.ts';
import { printable } from '../output/format.ts';
import {
  exitOfLook,
  lookWith,
  unreadableLines,
  unreadableValue,
} from '../output/storage/unreadable.ts';
import { startRequests } from '../requests/start.ts';
import { requestSettings } from '../requests/token.ts';
import { leftLines, reportText } from '../retention/text.ts';
import { commandLine } from '../schedule/child.ts';
import { expiresBySchedule } from '../schedule/entries.ts';
import { watchedSchedule } from '../schedule/overdue.ts';
import { startSchedule } from '../schedule/start.ts';
import { activatedSocket, secretsOf, tlsOf } from '../serve-settings.ts';
import { functionDeps } from '../wait-for-functions.ts';

export const serveCommand: ClusterCommand = {
  usage: 'serve',
  summary:
    'run the functions as a web server that receives bucket notifications at /events, and sweep regularly',
  details: [
    'Event senders authenticate with the secret (--token-file or STOWAGE_EVENTS_TOKEN): as a bearer token, or as the password in the URL.',
    'Without a secret and without --client-ca it refuses to listen on addresses that other machines can reach.',
    'GET /metrics is for Prometheus. GET /healthz needs no secret.',
    'With `console:` in the configuration, /console/ is a page for a browser (docs/console.md).',
    'With `requests:` beside it, the page can ask for restores, and the server carries out those for targets of `run: serve`, as processes.',
    'SIGTERM stops the server after its running jobs (at most 12 s).',
    'With `schedule:` in the configuration it also starts the backups, checks and drills of the schedule, as processes.',
    'SIGHUP reloads the certificates; without --tls-cert it does the same as SIGTERM.',
    'See docs/deploy-self-hosted.md.',
  ].join('\n'),
  flags: [
    ['--host <address>', 'address to listen on (default 127.0.0.1)'],
    ['--port <n>', 'port to listen on; 0 takes a free one (default 8080)'],
    ['--sweep <seconds>', 'seconds between sweeps (default 60)'],
    ['--token-file <file>', 'file with the secret of the event senders'],
    [
      '--metrics-token-file <file>',
      'file with a second secret, which is valid for GET /metrics only',
    ],
    ['--tls-cert <file>', 'file with the certificate of this server and its chain (PEM)'],
    ['--tls-key <file>', 'file with the private key of --tls-cert (PEM)'],
    ['--client-ca <file>', 'reject clients without a certificate that this CA has signed'],
    [
      '--sns-topic <arn>',
      'accept messages of this SNS topic, and confirm its subscription (repeatable)',
    ],
  ],
  lists: ['--sns-topic <arn>'],
  signals: ['SIGINT', 'SIGTERM'],
  logLevel: 'info',
  cluster: (flags) => ({
    'serve.host': flags['host'],
    'serve.port': numberFlag(flags, 'port'),
    'serve.sweepSeconds': secondsFlag(flags, 'sweep'),
    'serve.tokenFile': flags['tokenFile'],
    'serve.metricsTokenFile': flags['metricsTokenFile'],
    'serve.tlsCert': flags['tlsCert'],
    'serve.tlsKey': flags['tlsKey'],
    'serve.clientCa': flags['clientCa'],
    'serve.snsTopics': flags['snsTopic'],
  }),
  async run({ flags, context }) {
    const { config, clock, env, log, output } = context;
    const hungUp = new AbortController();
    const signal = AbortSignal.any([context.signal, hungUp.signal]);
    const secrets = await secretsOf(context);
    const requests = await requestSettings(context, Object.values(secrets));
    if (config.requests !== undefined && config.console === undefined)
      output.note(
        'requests-off',
        {},
        'requests: of the configuration has no effect without console:',
      );
    const announce = await announceOptions(context);
    // A chosen level also shows what the functions say about each document.
    const quiet = flags['logLevel'] === undefined;
    const tls = await tlsOf(config.serve);
    const fd = activatedSocket(env, process.pid);
    return withReplica(context, async (store, replica) => {
      await using roots = await openConsoleRoots(config, store);
      const serving = await startServe({
        store,
        ...(replica === undefined ? {} : { replica }),
        lockDays: config.retention?.lockDays,
        unusual: config.unusual,
        host: config.serve.host,
        port: config.serve.port,
        sweepIntervalMs: config.serve.sweepSeconds * 1000,
        snsTopics: config.serve.snsTopics,
        cluster: config.cluster,
        // An entry of the schedule that expires takes the place of `everyHours`.
        retention: expiresBySchedule(config) ? undefined : config.retention,
        console: roots.shown,
        ...(requests && { requests }),
        ...secrets,
        ...(tls === undefined ? {} : { tls }),
        ...(fd === undefined ? {} : { fd }),
        ...(announce && { announce }),
        schedule: watchedSchedule(config, store.url),
        log,
        ...(quiet && { functionsLog: log.child({}, { level: 'error' }) }),
        clock,
      });
      const scheduling = config.schedule && startSchedule(context, store, commandLine(flags));
      const asking = requests && startRequests(context, store, requests, commandLine(flags));
      const hangUp = () => {
        if (tls === undefined) hungUp.abort();
        else void renewCertificates(context, serving);
      };
      process.on('SIGHUP', hangUp);
      // Elsewhere the first line of the log says it.
      const isRead = output.json || !quiet;
      output.note(
        'serving',
        { url: serving.url, root: store.url },
        isRead
          ? `serving the functions of ${store.url}; send events to ${serving.url}/events. Ctrl-C stops the server`
          : undefined,
      );
      if (roots.shown !== undefined) {
        const console = `${serving.url}/console/`;
        output.note('console', { url: console }, `the console is at ${console}`);
      }
      if (!signal.aborted) await once(signal, 'abort');
      output.note(
        'draining',
        {},
        isRead
          ? 'stopping: waiting for the running jobs (at most 12 s). Send the signal again to stop at once'
          : undefined,
      );
      await Promise.all([serving.stop(), scheduling?.stop(), asking?.stop()]);
      process.off('SIGHUP', hangUp);
      return 0;
    });
  },
};

/** When the files cannot be used, the server keeps its present certificates. */
async function renewCertificates(
  { config, log, output }: ClusterContext,
  serving: Serving,
): Promise<void> {
  try {
    const tls = await tlsOf(config.serve);
    if (tls === undefined) return;
    serving.renew(tls);
    output.note('renewed', {}, 'reloaded the TLS certificates');
  } catch (error) {
    log.error({ err: error }, 'TLS certificates not reloaded');
    output.note(
      'not-renewed',
      { message: messageOf(error) },
      `cannot reload the TLS certificates, the present ones stay in use: ${messageOf(error)}`,
    );
  }
}

export const sweepCommand: ClusterCommand = {
  usage: 'sweep',
  summary:
    'sweep once: commit sealed sets, validate, mark overdue sets incomplete, continue restores, abort stale uploads',
  flags: [
    [
      '--overdue-after <seconds>',
      'seconds without a new object after which an unsealed set is overdue (default: backup.overdueAfterSeconds of its backup)',
    ],
  ],
  cluster: () => ({}),
  async run({ flags, context }) {
    return withReplica(context, async (store, replica) => {
      const seconds = secondsFlag(flags, 'overdueAfter');
      // A sweep, as a timer runs it, counts as deployed functions.
      const { writer: _, ...given } = functionDeps(context, store);
      const look = lookWith(given);
      const { deps } = look;
      const announcing = await sweepAnnouncements(context, deps);
      const report = await sweep(
        { ...deps, ...(replica === undefined ? {} : { replica }) },
        seconds === undefined
          ? {}
          : { overdueAfterSeconds: secondsFrom(flags, 'overdueAfter', seconds) },
      );
      const { config } = context;
      // As `serve`: an entry of the schedule that expires takes the place of `everyHours`.
      const retention = expiresBySchedule(config) ? undefined : config.retention;
      // Without the writer's name, as the sweep: a timer runs both.
      const expired = retention && (await expireOncePerSlot(deps, retention));
      // What it could not read is named with what the sweep could not read.
      const notExpired = expired
        ? expiryProblems({ ...expired, unreadable: [] }, expired.leftovers)
        : [];
      const announced = await announcing?.announce();
      context.output.result(
        {
          ...report,
          ...(expired && { expiry: expired }),
          ...(announced && { announcements: announced }),
          ...unreadableValue(look.unreadable()),
        },
        [
          `swept ${plural(report.sets, 'set')}${statusCounts(report.statuses)}`,
          ...timestampLine('committed', report.committed),
          ...timestampLine('validated', report.validated),
          ...timestampLine('marked incomplete (overdue)', report.overdue),
          ...(report.uploadsAborted > 0
            ? [`aborted ${plural(report.uploadsAborted, 'stale upload')}`]
            : []),
          ...(expired ? [reportText(expired, retention?.graceHours ?? 0)] : []),
          ...leftLines(notExpired),
          ...announcementLines(announced ?? []),
          ...report.problems.map(
            ({ set, restore, task, message }) =>
              `${set ?? restore ?? task ?? 'root'}: ${printable(message)}`,
          ),
          ...unreadableLines(look.unreadable()),
        ].join('\n'),
      );
      const untold = announced?.some(({ result }) => result !== 'sent') ?? false;
      const isDone = report.problems.length + notExpired.length === 0 && !untold;
      return isDone ? exitOfLook(look.unreadable()) : 3;
    });
  },
};

/** `: 2 complete, 1 damaged`; empty without sets. */
function statusCounts(statuses: Readonly<Record<string, number>>): string {
  const counts = Object.entries(statuses).filter(([, sets]) => sets > 0);
  return counts.length === 0
    ? ''
    : `: ${counts.map(([status, sets]) => `${count(sets)} ${status}`).join(', ')}`;
}

function timestampLine(what: string, timestamps: readonly string[]): string[] {
  return timestamps.length === 0 ? [] : [`${what}: ${timestamps.join(', ')}`];
}
