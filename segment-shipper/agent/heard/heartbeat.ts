import { watchTrouble } from '../../../async/watch/trouble.ts';
import { isStowageError, messageOf } from '../../../backup-set/base/errors.ts';
import { HEARTBEAT_MS } from '../../../backup-set/base/keys/schedule-keys.ts';
import { heartbeatObject } from '../../../backup-set/documents/schedule/heartbeat.ts';
import { type ServedContent, servedContents } from '../contents.ts';
import type { Agent } from '../orders.ts';

/** What an agent needs to say that it lives. */
export type Beating = Pick<
  Agent,
  'config' | 'env' | 'identity' | 'store' | 'clock' | 'log' | 'signal'
>;

/**
 * @returns call it at each poll: once in each slot it writes that this agent lives, and what it
 * serves. A failure is logged and never disturbs the orders.
 */
export function heartbeats(agent: Beating): () => Promise<void> {
  const { identity, store, clock, log, signal } = agent;
  const watch = watchTrouble(clock);
  let next = Number.NEGATIVE_INFINITY;
  return async () => {
    const now = clock().getTime();
    // Also when the clock of this host was set back.
    if (now < next && next - now <= HEARTBEAT_MS) return;
    try {
      const times = { store: await store.now({ signal }), host: clock() };
      const { key, bytes } = heartbeatObject(
        {
          role: 'agent',
          name: identity.name,
          contents: await contentsOf(agent),
          signedBy: agent.config.signedBy,
        },
        times,
      );
      await store.create(key, bytes, { signal }).catch((error: unknown) => {
        if (!isStowageError(error, 'storage/exists')) throw error;
      });
      next = now + HEARTBEAT_MS - (times.store.getTime() % HEARTBEAT_MS);
      watch.succeeded();
    } catch (error) {
      if (signal.aborted) return;
      next = now + RETRY_MS;
      if (watch.failed(error))
        log.warn(
          { err: error },
          `cannot write that this agent lives, so stowage status calls it overdue: ${messageOf(error)}`,
        );
    }
  };
}

const RETRY_MS = 60_000;

/** Undefined when the coordinator does not answer: the polls say why. */
function contentsOf({ config, env }: Beating): Promise<readonly ServedContent[] | undefined> {
  return servedContents(config, env).catch(() => undefined);
}
