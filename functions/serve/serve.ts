import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { StowageError } from '../../backup-set/base/errors.ts';
import { TOOL } from '../../backup-set/base/tool.ts';
import type { RetentionRules } from '../../backup-set/retention/rules.ts';
import type { UnusualRules } from '../../backup-set/unusual/rules.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { jobQueue } from '../events/job-queue.ts';
import { runJob } from '../events/route.ts';
import type { WatchedSchedule } from '../observe/schedule-runs.ts';
import { startExpiry } from '../retention/schedule.ts';
import { type Sweeper, startSweeper } from '../sweep/sweeper.ts';
import { openConsole, type ShownRoot } from './console/console.ts';
import type { RequestSettings } from './console/requests/desk.ts';
import { serveHealth } from './health.ts';
import { httpApp } from './http.ts';
import { type ListenOptions, listen, type Tls } from './listen.ts';
import { serveMetrics } from './metrics.ts';
import { saysOnce } from './says-once.ts';
import { type FetchText, fetchText, snsVerifier } from './sns.ts';
import { type AnnounceOptions, startTelling } from './telling.ts';

export interface ServeOptions extends Omit<ListenOptions, 'hasSecret'> {
  readonly store: ObjectStore;
  /** The alternate location: validated sets are copied to it. */
  readonly replica?: ObjectStore | undefined;
  /** `cluster` of the configuration: a label of metrics. */
  readonly cluster?: string | undefined;
  /** `retention.lockDays`. */
  readonly lockDays?: number | undefined;
  /** `unusual`. */
  readonly unusual?: UnusualRules | undefined;
  /** Pause between the end of one sweep and the start of the next. */
  readonly sweepIntervalMs: number;
  /** The secret that senders of events must present (`isAuthorized`). */
  readonly token?: string | undefined;
  /** Gives access to /metrics, as `token` does. */
  readonly metricsToken?: string | undefined;
  /** The roots that the console shows, this one first; absent = no console. */
  readonly console?: readonly ShownRoot[] | undefined;
  /** Gives access to the console, as `token` does. */
  readonly consoleToken?: string | undefined;
  /** Whether and where the console can ask for restores of this root; absent = it cannot. */
  readonly requests?: RequestSettings | undefined;
  /** ARNs of SNS topics: their messages are accepted, and their subscriptions are confirmed. */
  readonly snsTopics?: readonly string[] | undefined;
  /** Fetches Amazon's certificates; absent = over the network. */
  readonly fetchText?: FetchText | undefined;
  /** Rules of retention; absent = nothing expires. */
  readonly retention?: RetentionRules | undefined;
  /** Where events are announced; absent = nowhere. */
  readonly announce?: AnnounceOptions | undefined;
  /** The schedule of the root, of whose runs it tells; absent = none. */
  readonly schedule?: WatchedSchedule | undefined;
  /** Lines for an operator. */
  readonly log: Logger;
  /** What the functions say about each document; absent = into `log`. */
  readonly functionsLog?: Logger | undefined;
  readonly clock: () => Date;
}

export interface Serving {
  readonly url: string;
  /** @throws StowageError `config/invalid`; the old certificates stay in use. */
  renew(tls: Tls): void;
  /**
   * Ends within 12 s: running jobs get 10 s, then their reads and writes are interrupted. The sweep
   * after the next start finds the work of waiting jobs.
   */
  stop(): Promise<void>;
}

/** Time for running jobs to end by themselves, and then after they are interrupted. */
const DRAIN_MS = 10_000;
const ABORT_MS = 2_000;

/**
 * Runs the functions behind a web server, with a sweeper: for stores that send notifications, and
 * for stores that send none.
 * @throws StowageError `serve/listen` when it cannot listen on the address; `config/invalid` when
 * it must not.
 */
export async function startServe(options: ServeOptions): Promise<Serving> {
  const { store, log, clock, token, metricsToken, snsTopics = [] } = options;
  const stopping = new AbortController();
  const deps: Deps = {
    store,
    clock,
    log: options.functionsLog ?? log,
    signal: stopping.signal,
    replica: options.replica,
    lockDays: options.lockDays,
    unusual: options.unusual,
  };
  const metrics = serveMetrics(clock);
  const health = serveHealth(deps);
  const hasExpiry = options.retention !== undefined || options.schedule !== undefined;
  const countExpiry = hasExpiry ? metrics.watchExpiry(options.cluster) : undefined;
  const telling = startTelling(
    { ...deps, log },
    {
      metrics,
      announce: options.announce,
      schedule: options.schedule,
      storeTrouble: health.storeTrouble,
      onExpiry: (summary) => countExpiry?.({ summary }),
    },
  );
  const queue = jobQueue(
    metrics.measureJob(async (job) => {
      const handled = await runJob(deps, job);
      handled.wrote.forEach(telling.note);
      return handled;
    }),
    log,
    { failuresMax: 1 },
  );
  metrics.watchQueue(queue);
  metrics.watchStore(health.storeTrouble, options.cluster);
  let sweeper: Sweeper | undefined;
  const app = httpApp({
    root: store.url,
    queue,
    onCreatedKey(key) {
      sweeper?.noteVerdict(key);
      telling.note(key);
    },
    health,
    metrics,
    log,
    sns: snsVerifier({ topics: snsTopics, fetchText: options.fetchText ?? fetchText, clock }),
    token,
    metricsToken,
    console: options.console && {
      app: openConsole(
        { ...deps, log: saysOnce(deps.log) },
        { roots: options.console, requests: options.requests, log },
      ),
      token: options.consoleToken,
      hasCertificates: options.tls?.clientCa !== undefined,
    },
  });
  const server = await listen(app, { ...options, hasSecret: token !== undefined });
  // With a log of their own the functions say less: the journal tells what a sweep found.
  const quiet = options.functionsLog?.child({}, { level: 'silent' });
  const again = { ...deps, log: quiet ?? saysOnce(deps.log) };
  const sweeping = startSweeper(again, {
    intervalMs: options.sweepIntervalMs,
    onSlice: (order) => queue.offer(order),
    onSwept(attempt) {
      metrics.recordSweep(attempt);
      health.recordSweep(attempt);
      telling.swept(attempt, quiet !== undefined);
    },
  });
  sweeper = sweeping;
  const expiring =
    options.retention &&
    startExpiry({ ...deps, log: saysOnce(deps.log) }, options.retention, (ended) => {
      countExpiry?.(ended);
      telling.expired(ended);
    });
  const { url } = server;
  const does = workOf(options);
  log.info(
    { url, root: store.url, version: TOOL, does },
    `started ${TOOL} at ${url} for ${store.url}: ${does}`,
  );

  /** Stops listening last: Ceph stops sending to a receiver that once refused a connection. */
  async function drain(): Promise<void> {
    health.drain();
    log.info({ url, ...queue.counts() }, 'stopping: running jobs have 10 s to end');
    const drained = Promise.all([
      ...[sweeping.stop(), expiring?.stop(), queue.close()],
      telling.stop(),
    ]);
    // Not `pause`: a timer that keeps the process alive would delay its end.
    await Promise.race([drained, sleep(DRAIN_MS, undefined, { ref: false })]);
    stopping.abort(new StowageError('interrupted', 'stowage serve was stopped'));
    const closed = server.close();
    server.closeConnections();
    await Promise.race([
      Promise.all([drained, closed]),
      sleep(ABORT_MS, undefined, { ref: false }),
    ]);
    log.info({ url, ...queue.counts() }, 'stopped');
  }

  let stopped: Promise<void> | undefined;
  return {
    url,
    renew: server.renew,
    stop() {
      stopped ??= drain();
      return stopped;
    },
  };
}

/** What this server does, for its first line. */
function workOf({ sweepIntervalMs, retention, replica, announce }: ServeOptions): string {
  const channels = announce?.channels.map(({ settings }) => settings.name) ?? [];
  return [
    'the functions',
    `a sweep every ${sweepIntervalMs / 1000} s`,
    ...(retention ? [`expiry every ${retention.everyHours} h`] : []),
    ...(replica ? [`copies to ${replica.url}`] : []),
    ...(channels.length > 0 ? [`announcements (${channels.join(', ')})`] : []),
  ].join(', ');
}
