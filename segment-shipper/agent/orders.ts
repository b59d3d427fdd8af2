import type { Logger } from 'pino';
import { asStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { type Key, parseKey } from '../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Throttle } from '../../storage/wrapped/throttled-reads.ts';
import { type AgentIdentity, claimOrder } from './claim.ts';
import type { AgentConfig } from './config.ts';

/** A resident agent: everything it uses outside itself, and its orders. */
export interface Agent {
  readonly config: AgentConfig;
  readonly identity: AgentIdentity;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly store: ObjectStore;
  readonly clock: () => Date;
  /** One limit for all contents of the host together. */
  readonly throttle: Throttle;
  readonly log: Logger;
  /** Fires when the agent must end. */
  readonly signal: AbortSignal;
  /** Orders that this process has started or skipped, by key. */
  readonly orders: Map<string, AgentOrder>;
}

export interface AgentOrder {
  /**
   * `answered`: its receipt or report is stored. `unanswered`: it was run, but its receipt or
   * report could not be stored yet. `skipped`: another agent has it.
   */
  state: 'running' | 'answered' | 'unanswered' | 'skipped';
  readonly stop: AbortController;
  ended: Promise<void>;
  failure: StowageError | undefined;
}

export interface OrderWork {
  readonly key: string;
  readonly claim: string;
  /** Runs the order and stores its receipt or report. */
  work(signal: AbortSignal): Promise<void>;
  /** Stores the receipt or report of an order that failed. */
  fail(error: StowageError): Promise<void>;
}

/** Starts an order unless this process knows it already; orders run in parallel. Never throws. */
export function startOrder(agent: Agent, work: OrderWork): void {
  const known = agent.orders.get(work.key);
  if (agent.signal.aborted || (known !== undefined && known.state !== 'unanswered')) return;
  const order: AgentOrder = {
    state: 'running',
    stop: new AbortController(),
    ended: Promise.resolve(),
    failure: known?.failure,
  };
  agent.orders.set(work.key, order);
  order.ended = run(agent, order, work);
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
      const keys = { order: key, claim };
      const result = await claimOrder(agent.store, keys, agent.identity, agent.clock());
      if (result === 'taken') {
        log.warn('another agent has claimed this order: check that only one serves the content');
        order.state = 'skipped';
        return;
      }
      begun = true;
      if (result === 'restarted')
        order.failure = new StowageError(
          'shipper/died',
          'the agent was restarted while it ran the order',
        );
    }
    if (order.failure === undefined) {
      log.info('order started');
      const signal = AbortSignal.any([agent.signal, order.stop.signal]);
      await work(signal).catch((error: unknown) => {
        // Aborted work fails in many ways; the reason of the abort is what the operator must see.
        order.failure = asStowageError(signal.aborted ? signal.reason : error);
      });
    }
    if (order.failure !== undefined) {
      log.error({ err: order.failure }, 'order failed');
      await fail(order.failure);
    }
    order.state = 'answered';
    log.info('order ended');
    // Aborted: the bucket already shows that the order is over.
    if (order.stop.signal.aborted) agent.orders.delete(key);
  } catch (error) {
    log.error(
      { err: error },
      'cannot store the claim or the answer of this order; retrying at the next poll',
    );
    // An order without a claim may be started again.
    if (begun) order.state = 'unanswered';
    else agent.orders.delete(key);
  }
}

/** Stops a running order whose result is no longer needed. */
export function abortOrder(agent: Agent, key: string, why: string | StowageError): void {
  const order = agent.orders.get(key);
  const error = typeof why === 'string' ? new StowageError('interrupted', why) : why;
  if (order?.state === 'running') order.stop.abort(error);
}

/**
 * Forgets the ended orders of sets and restores that are not polled any more: the coordinator of a
 * set without a seal has died, and the folder of a restore can be deleted.
 */
export function forgetOrdersOf(agent: Agent, isOver: (key: Key) => boolean): void {
  for (const text of agent.orders.keys()) {
    const key = parseKey(text);
    if (key !== undefined && isOver(key)) forgetOrder(agent, text);
  }
}

/** Forgets an order that has ended, so that memory stays bounded over months. */
export function forgetOrder(agent: Agent, key: string): void {
  if (agent.orders.get(key)?.state !== 'running') agent.orders.delete(key);
}
