import { encode, FORMAT_VERSION, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { RestoreKeys } from '../../../backup-set/documents/keys/agent-keys.ts';
import { contentsRead } from '../../../backup-set/restore/phases.ts';
import type { Segment } from '../../../database/flavour.ts';
import { agentRecipient, wrapRestoreKeys } from '../../../encryption/agent-keys.ts';
import type { ClusterContext } from '../../context.ts';
import type { RestoreRun } from '../../restore/run.ts';
import type { HeldKeys } from '../held.ts';
import { allExpectedOrders, type ExpectedOrders } from '../planned/expected-orders.ts';
import { type StoredKeys, storeSignedRestore } from './signed-restore.ts';

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

/**
 * Stores what the agents need, before the request that they wait for: the keys of an encrypted set,
 * and what the command has signed.
 */
export async function storeRestoreKeys(run: Omit<RestoreRun, 'plan'>): Promise<void> {
  const { context, segments } = run;
  const { config, keys, signingKey } = context;
  if (config.shippers.start !== 'agents') return;
  if (keys === undefined && signingKey === undefined) return;
  if (keys !== undefined) requireAgentRecipients(context, segments);
  const orders = await allExpectedOrders(run);
  const stored = keys === undefined ? [] : await storeWrapped(run, keys, orders);
  if (signingKey !== undefined) await storeSignedRestore(run, signingKey, stored, orders);
}

async function storeWrapped(
  { context, store, request, manifest, segments }: Omit<RestoreRun, 'plan'>,
  keys: HeldKeys,
  expected: ExpectedOrders,
): Promise<StoredKeys> {
  const { config, signal } = context;
  const { id } = request;
  const stored: StoredKeys = [];
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
        ...{ keys: passed, orders: [...(expected.get(content) ?? [])] },
      }),
    });
    const key = formatKey({ kind: 'restore-keys', restore: id, content });
    await store.create(key, bytes, { signal });
    stored.push({ content, sha256: sha256(bytes) });
  }
  return stored;
}
