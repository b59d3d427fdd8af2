import pino from 'pino';
import { expect, test } from 'vitest';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { AgentConfig } from './config.ts';
import type { Agent, AgentOrder } from './orders.ts';
import { pollRestores } from './poll-restores.ts';
import { pollSets } from './poll-sets.ts';

const NOW = new Date('2026-01-10T12:00:00Z');

/** A store without objects. */
function emptyStore(): ObjectStore {
  const store: Partial<ObjectStore> = {
    now: async () => NOW,
    listPrefixes: async function* () {},
    list: async function* () {},
    head: async () => undefined,
  };
  return store as ObjectStore;
}

function agentWith(orders: Readonly<Record<string, AgentOrder['state']>>): Agent {
  const known = Object.entries(orders).map(
    ([key, state]) =>
      [
        key,
        { state, stop: new AbortController(), ended: Promise.resolve(), failure: undefined },
      ] as const,
  );
  return {
    config: AgentConfig.parse({ root: 'file:///nowhere', contents: [{ content: 0, host: 'db0' }] }),
    identity: { name: 'db0', instance: 'x' },
    env: {},
    store: emptyStore(),
    clock: () => NOW,
    throttle: async () => {},
    log: pino({ level: 'silent' }),
    signal: new AbortController().signal,
    orders: new Map(known),
  };
}

const backupOrder = (timestamp: string) =>
  formatKey({ kind: 'backup-order', timestamp, content: 0 });

test('an agent forgets the ended orders of old sets that were never sealed, and keeps running ones', async () => {
  const [answered, skipped, running] = ['20260101', '20260102', '20260103'].map((day) =>
    backupOrder(`${day}000000`),
  ) as [string, string, string];
  const agent = agentWith({ [answered]: 'answered', [skipped]: 'skipped', [running]: 'running' });
  const collecting = new Map(
    [answered, skipped, running].map((key) => [key, new AbortController()]),
  );
  await pollSets(agent, new Set(), collecting);
  expect([...agent.orders.keys()]).toEqual([running]);
  expect([...collecting.keys()]).toEqual([running]);
});

test('an agent forgets the ended orders of restores whose folder was deleted', async () => {
  const order = formatKey({
    kind: 'order',
    restore: '20260101000000000-00000000',
    phase: 'data',
    content: 0,
  });
  const ofSet = backupOrder('20260110000000');
  const agent = agentWith({ [order]: 'answered', [ofSet]: 'answered' });
  await pollRestores(agent, new Map());
  expect([...agent.orders.keys()]).toEqual([ofSet]);
});
