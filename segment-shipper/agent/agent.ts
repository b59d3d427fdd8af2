import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { pause } from '../../async/poll.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { TOOL } from '../../backup-set/base/tool.ts';
import { openStore } from '../../storage/open.ts';
import { rateLimit } from '../rate/throttle.ts';
import { readAgentConfig } from './config.ts';
import { lockAgent } from './lock.ts';
import type { Agent } from './orders.ts';
import { type KnownRestores, pollRestores } from './poll-restores.ts';
import { type ClosedSets, pollSets } from './poll-sets.ts';
import { backUpOnSchedule } from './schedule.ts';

/** After a signal everything has this long to say its last word. */
const ENDING_MS_MAX = 18_000;

/**
 * The resident program on a segment host: looks into the bucket every few seconds and carries out the orders of the contents it
 * serves, until a signal ends it. What is wrong with one object, or with the store for a while, never ends it.
 */
export async function runAgent(configPath: string, log: Logger): Promise<void> {
  const config = await readAgentConfig(configPath);
  await lockAgent(config);
  const store = await openStore({ root: config.root, s3: config.storage });
  const stop = new AbortController();
  endOnSignals(stop, log);
  const identity = { name: config.name, instance: randomUUID() };
  const clock = () => new Date();
  const agent: Agent = {
    config,
    identity,
    env: process.env,
    store,
    clock,
    throttle: rateLimit(config.maxRateBytes).throttle,
    log,
    signal: stop.signal,
    orders: new Map(),
  };
  const { name, instance } = identity;
  log.info(
    { agent: name, instance, tool: TOOL, root: store.url, contents: config.contents },
    'agent serves',
  );
  try {
    await Promise.all([pollLoop(agent), backUpOnSchedule(agent)]);
    await Promise.all([...agent.orders.values()].map(({ ended }) => ended));
  } finally {
    await store.close();
  }
  log.info('agent ends');
}

async function pollLoop(agent: Agent): Promise<void> {
  const { config, log, signal } = agent;
  const known: KnownRestores = new Map();
  const over: ClosedSets = new Set();
  const waiting = new Map<string, AbortController>();
  const looks = [() => pollRestores(agent, known), () => pollSets(agent, over, waiting)];
  while (!signal.aborted) {
    for (const look of looks) {
      // What is wrong with the one must not hide the other.
      await look().catch((error: unknown) => {
        if (!signal.aborted) log.error({ err: error }, 'cannot look into the bucket now');
      });
    }
    await pause(config.pollSeconds * 1000, signal);
  }
}

function endOnSignals(stop: AbortController, log: Logger): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop.abort(
        new StowageError('interrupted', `the agent was ended by ${signal} amid the order`),
      );
      setTimeout(() => {
        log.error('orders did not end in time; the next start answers for them');
        process.exit(1);
      }, ENDING_MS_MAX).unref();
    });
  }
}
