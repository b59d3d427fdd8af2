import pino from 'pino';
import type { AgentConfig } from '../../../segment-shipper/agent/config.ts';
import type { Agent } from '../../../segment-shipper/agent/orders.ts';
import type { ObjectStore } from '../../../storage/store.ts';

/** An agent that has no order yet, reads `store` and takes it for `now`. */
export function idleAgent(config: AgentConfig, store: ObjectStore, now: Date): Agent {
  return {
    config,
    identity: { name: 'db0', instance: 'x' },
    env: {},
    store: { ...store, now: async () => now },
    clock: () => now,
    throttle: async () => {},
    log: pino({ level: 'silent' }),
    signal: new AbortController().signal,
    orders: new Map(),
  };
}
