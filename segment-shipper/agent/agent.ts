import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { pause } from '../../async/poll.ts';
import { watchTrouble } from '../../async/watch/trouble.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { TOOL } from '../../backup-set/base/tool.ts';
import { openStore } from '../../storage/open.ts';
import { rateLimit } from '../rate/throttle.ts';
import { readAgentConfig, storeOf } from './config.ts';
import { heartbeats } from './heard/heartbeat.ts';
import { ownIdentities } from './keys/own-keys.ts';
import { OBEYS_ALL } from './keys/signatures.ts';
import { lockAgent } from './lock.ts';
import type { Agent } from './orders.ts';
import { type KnownRestores, pollRestores } from './poll-restores.ts';
import { type ClosedSets, type CollectingOrders, pollSets } from './poll-sets.ts';
import { backUpOnSchedule } from './schedule.ts';

/** After a signal, running orders have this long to store their failure. */
const ENDING_MS_MAX = 18_000;

/**
 * The resident program on a segment host: polls the bucket every few seconds and runs the orders of
 * the contents that it serves, until a signal ends it. A problem with one object, or with the store
 * for a while, does not end it.
 */
export async function runAgent(configPath: string, log: Logger): Promise<void> {
  const config = await readAgentConfig(configPath);
  await lockAgent(config);
  const store = await openStore(storeOf(config));
  const stop = new AbortController();
  endOnSignals(stop, log);
  const identity = { name: config.name, instance: randomUUID() };
  const agent: Agent = {
    config,
    identity,
    env: process.env,
    store,
    clock: () => new Date(),
    throttle: rateLimit(config.maxRateBytes).throttle,
    log,
    signal: stop.signal,
    orders: new Map(),
  };
  const { name, instance } = identity;
  const { age } = await ownIdentities(config);
  const recipients = age.map(({ recipient }) => recipient);
  const { contents, signedBy } = config;
  const said = {
    agent: name,
    instance,
    tool: TOOL,
    root: store.url,
    contents,
    recipients,
    signedBy,
  };
  if (signedBy !== undefined) log.info(said, 'agent started');
  else log.warn(said, `agent started; ${OBEYS_ALL}`);
  try {
    await Promise.all([pollLoop(agent), backUpOnSchedule(agent)]);
    await Promise.all([...agent.orders.values()].map(({ ended }) => ended));
  } finally {
    await store.close();
  }
  log.info('agent ended');
}

async function pollLoop(agent: Agent): Promise<void> {
  const { config, log, signal } = agent;
  const known: KnownRestores = new Map();
  const closed: ClosedSets = new Set();
  const collecting: CollectingOrders = new Map();
  const polls = [() => pollRestores(agent, known), () => pollSets(agent, closed, collecting)];
  const beat = heartbeats(agent);
  const watch = watchTrouble(agent.clock);
  while (!signal.aborted) {
    let failures = 0;
    await beat();
    for (const poll of polls) {
      // A failure of one poll must not skip the other.
      await poll().catch((error: unknown) => {
        failures += 1;
        if (!signal.aborted && watch.failed(error))
          log.error(
            { err: error },
            'cannot poll the bucket for orders; retrying at each poll, without a further message until this changes',
          );
      });
    }
    const ended = failures === 0 ? watch.succeeded() : undefined;
    if (ended !== undefined) log.info({ ...ended }, 'polls the bucket for orders again');
    await pause(config.pollSeconds * 1000, signal);
  }
}

function endOnSignals(stop: AbortController, log: Logger): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop.abort(
        new StowageError(
          'interrupted',
          `the agent was stopped by ${signal} while it ran the order`,
        ),
      );
      setTimeout(() => {
        log.error(
          `orders did not end within ${ENDING_MS_MAX / 1000} s; at its next start this agent reports them as failed`,
        );
        process.exit(1);
      }, ENDING_MS_MAX).unref();
    });
  }
}
