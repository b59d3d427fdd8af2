import type { Logger } from 'pino';
import { asStowageError, StowageError } from '../../backup-set/base/errors.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Throttle } from '../../storage/wrapped/throttled-reads.ts';
import { claimOrder, type Identity } from './claim.ts';
import type { AgentConfig } from './config.ts';

/** A resident agent: what it touches outside itself, and what it is at. */
export interface Agent {
  readonly config: AgentConfig;
  readonly identity: Identity;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly store: ObjectStore;
  readonly clock: () => Date;
  /** One for all contents: what the host may send and read together. */
  readonly throttle: Throttle;
  readonly log: Logger;
  /** Fires when the agent is to end. */
  readonly signal: AbortSignal;
  /** Orders that this process has looked into, by key. */
  readonly orders: Map<string, AgentOrder>;
}

export interface AgentOrder {
  /**
   * `answered`: its receipt is stored; `unanswered`: it was begun and its receipt could not be stored, yet; `left`: another agent
   * has it.
   */
  state: 'running' | 'answered' | 'unanswered' | 'left';
  readonly stop: AbortController;
  ended: Promise<void>;
  failure: StowageError | undefined;
}

export interface OrderWork {
  readonly key: string;
  readonly claim: string;
  /** Does what is ordered and stores the answer. */
  work(signal: AbortSignal): Promise<void>;
  /** Stores the answer of an order that came to nothing. */
  fail(error: StowageError): Promise<void>;
}

/** Begins an order unless this process knows it already; several run side by side. Never throws. */
export function follow(agent: Agent, ordered: OrderWork): void {
  const known = agent.orders.get(ordered.key);
  if (agent.signal.aborted || (known !== undefined && known.state !== 'unanswered')) return;
  const order: AgentOrder = {
    state: 'running',
    stop: new AbortController(),
    ended: Promise.resolve(),
    failure: known?.failure,
  };
  agent.orders.set(ordered.key, order);
  order.ended = run(agent, order, ordered);
}

async function run(
  agent: Agent,
  order: AgentOrder,
  { key, claim, work, fail }: OrderWork,
): Promise<void> {
  const log = agent.log.child({ order: key });
  let begun = order.failure !== undefined;
  try {
    if (!begun) {
      const taking = await claimOrder(
        agent.store,
        { order: key, claim },
        agent.identity,
        agent.clock(),
      );
      if (taking === 'taken') {
        log.warn('another agent has taken this order: is its content served twice?');
        order.state = 'left';
        return;
      }
      begun = true;
      if (taking === 'broken-off')
        order.failure = new StowageError('shipper/died', 'the agent was restarted amid the order');
    }
    if (order.failure === undefined) {
      log.info('begins');
      const signal = AbortSignal.any([agent.signal, order.stop.signal]);
      await work(signal).catch((error: unknown) => {
        // Broken-off work fails in many ways; why it was broken off is what matters.
        order.failure = asStowageError(signal.aborted ? signal.reason : error);
      });
    }
    if (order.failure !== undefined) {
      log.error({ err: order.failure }, 'came to nothing');
      await fail(order.failure);
    }
    order.state = 'answered';
    log.info('ended');
    // The bucket says that it is over.
    if (order.stop.signal.aborted) agent.orders.delete(key);
  } catch (error) {
    log.error({ err: error }, 'cannot be answered now');
    // What was not even begun may be tried again.
    if (begun) order.state = 'unanswered';
    else agent.orders.delete(key);
  }
}

/** Somebody else has answered for an order: its work is for nothing. */
export function abortOrder(agent: Agent, key: string, why: string): void {
  const order = agent.orders.get(key);
  if (order?.state === 'running') order.stop.abort(new StowageError('interrupted', why));
}

/** Forgets orders that are over, so that a process of many months does not remember them all. */
export function forget(agent: Agent, key: string): void {
  if (agent.orders.get(key)?.state !== 'running') agent.orders.delete(key);
}
