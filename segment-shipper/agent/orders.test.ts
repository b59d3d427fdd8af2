import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { AgentConfig } from './config.ts';
import { type Agent, abortOrder, type OrderWork, startOrder } from './orders.ts';

const KEYS = { key: 'orders/0.json', claim: 'claims/0.json' };

/** Only the methods of a store that claims need. */
function storeOf(objects: Map<string, Uint8Array>): ObjectStore {
  const store: Partial<ObjectStore> = {
    create: async (key, body) => {
      if (objects.has(key)) throw new StowageError('storage/exists', key);
      objects.set(key, body);
      return { key, bytes: body.length, modifiedAt: new Date(0) };
    },
    read: async (key) => objects.get(key) ?? new Uint8Array(),
  };
  return store as ObjectStore;
}

function agentOf(
  objects: Map<string, Uint8Array>,
  name = 'db0',
  signal = new AbortController().signal,
): Agent {
  return {
    config: AgentConfig.parse({ root: 'file:///nowhere', contents: [{ content: 0, host: 'db0' }] }),
    identity: { name, instance: Math.random().toString() },
    env: {},
    store: storeOf(objects),
    clock: () => new Date(0),
    throttle: async () => {},
    log: pino({ level: 'silent' }),
    signal,
    orders: new Map(),
  };
}

/** Starts the order and waits until it has ended. */
async function runToState(
  agent: Agent,
  order: Pick<OrderWork, 'work' | 'fail'>,
): Promise<string | undefined> {
  startOrder(agent, { ...KEYS, ...order });
  await agent.orders.get(KEYS.key)?.ended;
  return agent.orders.get(KEYS.key)?.state;
}

/** Work that succeeds, and the list of calls. */
function recordedWork() {
  const calls: string[] = [];
  const work = async () => void calls.push('work');
  const fail = async ({ message }: StowageError) => void calls.push(message);
  return { calls, work, fail };
}

describe('an order', () => {
  test('is claimed before it is run, and run only once', async () => {
    const objects = new Map<string, Uint8Array>();
    const agent = agentOf(objects);
    const { calls, fail } = recordedWork();
    const work = async () => void calls.push(`work, claimed: ${objects.has(KEYS.claim)}`);
    expect(await runToState(agent, { work, fail })).toBe('answered');
    expect(await runToState(agent, { work, fail })).toBe('answered');
    expect(calls).toEqual(['work, claimed: true']);
  });

  test.each([
    ['was claimed by an earlier process of this agent', undefined],
    ['has a claim that cannot be read', 'not JSON'],
  ])('that %s fails, and is not run', async (_, claim) => {
    const objects = new Map<string, Uint8Array>();
    await runToState(agentOf(objects), {
      work: () => Promise.resolve(),
      fail: () => Promise.resolve(),
    });
    if (claim !== undefined) objects.set(KEYS.claim, Buffer.from(claim));
    const order = recordedWork();
    expect(await runToState(agentOf(objects), order)).toBe('answered');
    expect(order.calls).toEqual(['the agent was restarted while it ran the order']);
  });

  test('whose claim the store does not give away fails, and is not asked for at each poll', async () => {
    const agent = agentOf(new Map([[KEYS.claim, Buffer.from('planted')]]));
    agent.store.read = () => Promise.reject(new StowageError('storage/denied', KEYS.claim));
    const order = recordedWork();
    expect(await runToState(agent, order)).toBe('answered');
    expect(order.calls).toEqual(['the agent was restarted while it ran the order']);
  });

  test('that another agent has claimed is skipped', async () => {
    const objects = new Map<string, Uint8Array>();
    await runToState(agentOf(objects, 'db1'), recordedWork());
    const order = recordedWork();
    expect(await runToState(agentOf(objects), order)).toBe('skipped');
    expect(order.calls).toEqual([]);
  });

  test('whose failure could not be stored is not run again, and its failure is stored later', async () => {
    const agent = agentOf(new Map());
    const order = recordedWork();
    const work = async () => {
      order.calls.push('work');
      throw new StowageError('storage/unavailable', 'no store');
    };
    expect(
      await runToState(agent, { work, fail: () => Promise.reject(new Error('still none')) }),
    ).toBe('unanswered');
    expect(await runToState(agent, { ...order, work })).toBe('answered');
    expect(order.calls).toEqual(['work', 'no store']);
  });

  test('whose claim could not be stored is not run, and is tried again', async () => {
    const objects = new Map<string, Uint8Array>();
    const agent = agentOf(objects);
    const { create } = agent.store;
    const order = recordedWork();
    agent.store.create = () => Promise.reject(new StowageError('storage/unavailable', 'no store'));
    expect(await runToState(agent, order)).toBeUndefined();
    agent.store.create = create;
    expect(await runToState(agent, order)).toBe('answered');
    expect(order.calls).toEqual(['work']);
  });

  test('whose claim was stored by a request that got no response is run', async () => {
    const objects = new Map<string, Uint8Array>();
    const agent = agentOf(objects);
    const { create } = agent.store;
    agent.store.create = async (...args) => {
      await create(...args);
      throw new StowageError('storage/exists', 'by our own first attempt');
    };
    const order = recordedWork();
    expect(await runToState(agent, order)).toBe('answered');
    expect(order.calls).toEqual(['work']);
  });

  test('that is aborted fails with the reason of the abort, not with the error of its work', async () => {
    const agent = agentOf(new Map());
    const { calls, fail } = recordedWork();
    const work = (signal: AbortSignal) =>
      new Promise<void>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('a socket broke')));
        abortOrder(agent, KEYS.key, 'the restore has ended');
      });
    await runToState(agent, { work, fail });
    expect(calls).toEqual(['the restore has ended']);
  });

  test('is not started by an agent that is ending', async () => {
    const order = recordedWork();
    expect(await runToState(agentOf(new Map(), 'db0', AbortSignal.abort()), order)).toBeUndefined();
    expect(order.calls).toEqual([]);
  });
});
