import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { RestoreKeys } from '../../backup-set/documents/keys/agent-keys.ts';
import { contentsRead } from '../../backup-set/restore/phases.ts';
import type { Segment } from '../../database/flavour.ts';
import { agentRecipient, wrapRestoreKeys } from '../../encryption/agent-keys.ts';
import type { ClusterContext } from '../context.ts';
import type { RestoreRun } from '../restore/run.ts';
import { allExpectedOrders } from './planned/expected-orders.ts';

/**
 * Nothing is asked of agents that could not get their keys.
 * @throws StowageError `encryption/recipient` naming the content.
 */
export function requireAgentRecipients(
  { config }: Pick<ClusterContext, 'config'>,
  segments: readonly Pick<Segment, 'content' | 'host'>[],
): void {
  if (config.shippers.start !== 'agents') return;
  for (const segment of segments) agentRecipient(config.encryption ?? {}, segment);
}

/** Stores what the agents need to read an encrypted set, before the request that they wait for. */
export async function storeRestoreKeys(run: Omit<RestoreRun, 'plan'>): Promise<void> {
  const { context, store, request, manifest, segments } = run;
  const { config, keys, signal } = context;
  if (keys === undefined || config.shippers.start !== 'agents') return;
  requireAgentRecipients(context, segments);
  const { id } = request;
  const expected = await allExpectedOrders(run);
  for (const { content, host } of segments) {
    const recipient = agentRecipient(config.encryption ?? {}, { content, host });
    const passed = keys.passed(contentsRead(request, manifest, content));
    const bytes = encode(RestoreKeys, {
      format: 'stowage/restore-keys',
      version: FORMAT_VERSION,
      id,
      content,
      age: await wrapRestoreKeys(recipient, {
        ...{ id, root: store.url, content },
        ...{ keys: passed, orders: expected.get(content) ?? [] },
      }),
    });
    const key = formatKey({ kind: 'restore-keys', restore: id, content });
    await store.create(key, bytes, { signal });
  }
}
