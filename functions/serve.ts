import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import type { Logger } from 'pino';
import { messageOf, StowageError } from '../backup-set/errors.ts';
import type { ObjectStore } from '../storage/store.ts';
import type { Deps } from './deps.ts';
import { httpApp } from './http.ts';
import { jobQueue } from './job-queue.ts';
import { runJob } from './route.ts';
import { startSweeper } from './sweeper.ts';

export interface ServeOptions {
  readonly store: ObjectStore;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Pause between the end of one sweep and the start of the next. */
  readonly sweepIntervalMs: number;
  readonly token?: string;
  readonly log: Logger;
  readonly clock: () => Date;
}

export interface Serving {
  readonly url: string;
  /** Ends within seconds: what is running gets some time, what waits is left to the next start's sweep. */
  stop(): Promise<void>;
}

/** Time for running jobs to end well, and then for their reads and writes to be interrupted. */
const DRAIN_MS = 10_000;
const ABORT_MS = 2_000;
/** A sender that takes longer to send its small body would hold a connection for nothing. */
const REQUEST_MS = 30_000;

/**
 * The functions as a web server with a sweeper: for stores that send notifications, and those that send none.
 * @throws StowageError `config/invalid` when the port cannot be listened on.
 */
export async function startServe(options: ServeOptions): Promise<Serving> {
  const { store, host, port, log, clock, token } = options;
  const stopping = new AbortController();
  const deps: Deps = { store, clock, log, signal: stopping.signal };
  const queue = jobQueue((job) => runJob(deps, job), log);
  const app = httpApp({ root: store.url, queue, log, ...(token === undefined ? {} : { token }) });
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
  }) as Server;
  await listen(server, host, port);
  const sweeper = startSweeper(deps, options.sweepIntervalMs);
  const url = urlOf(server);
  log.info({ url, root: store.url }, 'waiting for events');

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const drained = Promise.all([sweeper.stop(), queue.idle().catch(() => undefined)]);
    await Promise.race([drained, sleep(DRAIN_MS, undefined, { ref: false })]);
    server.closeAllConnections();
    stopping.abort(new StowageError('interrupted', 'serving was ended on request'));
    await Promise.race([Promise.all([drained, closed]), sleep(ABORT_MS, undefined, { ref: false })]);
    log.info({ url, ...queue.counts() }, 'stopped');
  };
  return {
    url,
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    const message = `cannot listen on ${host}:${port}: ${messageOf(cause)}`;
    throw new StowageError('config/invalid', message, { cause, where: { field: 'port' } });
  }
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
