import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { jobQueue } from '../events/job-queue.ts';
import { runJob } from '../events/route.ts';
import { type Sweeper, startSweeper } from '../sweep/sweeper.ts';
import { serveHealth } from './health.ts';
import { httpApp } from './http.ts';
import { type ListenOptions, listen, type Tls } from './listen.ts';
import { serveMetrics } from './metrics.ts';
import { type FetchText, fetchText, snsVerifier } from './sns.ts';

export interface ServeOptions extends Omit<ListenOptions, 'hasSecret'> {
  readonly store: ObjectStore;
  /** The alternate location: what has been validated is copied there. */
  readonly replica?: ObjectStore;
  /** Pause between the end of one sweep and the start of the next. */
  readonly sweepIntervalMs: number;
  /** What senders of events must present; see `isAdmitted`. */
  readonly token?: string;
  /** Opens /metrics beside `token`. */
  readonly metricsToken?: string;
  /** ARNs of the topics whose messages are taken from SNS, and whose subscriptions are confirmed. */
  readonly snsTopics?: readonly string[];
  /** How Amazon is asked for its certificates; the network, when absent. */
  readonly fetchText?: FetchText;
  readonly log: Logger;
  readonly clock: () => Date;
}

export interface Serving {
  readonly url: string;
  /** @throws StowageError `config/invalid`; the old certificates stay then. */
  renew(tls: Tls): void;
  /** Ends within seconds: what is running gets some time, what waits is left to the next start's sweep. */
  stop(): Promise<void>;
}

/** Time for running jobs to end well, and then for their reads and writes to be interrupted. */
const DRAIN_MS = 10_000;
const ABORT_MS = 2_000;

/**
 * The functions as a web server with a sweeper: for stores that send notifications, and those that send none.
 * @throws StowageError `config/invalid` when it cannot, or must not, listen there.
 */
export async function startServe(options: ServeOptions): Promise<Serving> {
  const { store, log, clock, token, metricsToken, snsTopics = [] } = options;
  const stopping = new AbortController();
  const deps: Deps = {
    store,
    clock,
    log,
    signal: stopping.signal,
    ...(options.replica === undefined ? {} : { replica: options.replica }),
  };
  const metrics = serveMetrics(clock);
  const health = serveHealth(deps);
  const queue = jobQueue(
    metrics.measureJob((job) => runJob(deps, job)),
    log,
  );
  metrics.watchQueue(queue);
  let sweeper: Sweeper | undefined;
  const app = httpApp({
    root: store.url,
    queue,
    onCreatedKey: (key) => sweeper?.noteVerdict(key),
    health,
    metrics,
    log,
    sns: snsVerifier({ topics: snsTopics, fetchText: options.fetchText ?? fetchText, clock }),
    ...(token === undefined ? {} : { token }),
    ...(metricsToken === undefined ? {} : { metricsToken }),
  });
  const server = await listen(app, { ...options, hasSecret: token !== undefined });
  const sweeping = startSweeper(deps, {
    intervalMs: options.sweepIntervalMs,
    onSlice: (order) => queue.offer(order),
    onSwept(swept) {
      metrics.recordSweep(swept);
      health.recordSweep(swept);
    },
  });
  sweeper = sweeping;
  const { url } = server;
  log.info({ url, root: store.url }, 'waiting for events');

  /** Listens to the end: Ceph never again sends to a receiver that once refused a connection. */
  async function stop(): Promise<void> {
    health.drain();
    log.info({ url, ...queue.counts() }, 'draining');
    const drained = Promise.all([sweeping.stop(), queue.close()]);
    await Promise.race([drained, sleep(DRAIN_MS, undefined, { ref: false })]);
    stopping.abort(new StowageError('interrupted', 'serving was ended on request'));
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
      stopped ??= stop();
      return stopped;
    },
  };
}
