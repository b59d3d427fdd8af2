import { encode } from '../../../backup-set/base/document.ts';
import { asStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { instantOf } from '../../../backup-set/base/timestamps.ts';
import { SetKeyDocument } from '../../../backup-set/documents/keys/set-key.ts';
import { wrapSetKey } from '../../../encryption/set-key.ts';
import { kmsOf } from '../../keys/identities.ts';
import type { BackupRun } from '../run.ts';
import type { Shipped } from '../ship.ts';

/**
 * Stores the set's key, wrapped for all recipients, before any row: rows without a key are lost.
 * @returns a failure, if there is one.
 */
export async function storeSetKey({
  context,
  store,
  plan,
  keys,
}: Pick<BackupRun, 'context' | 'store' | 'keys'> & {
  readonly plan: Pick<BackupRun['plan'], 'timestamp' | 'root'>;
}): Promise<Shipped['failures']> {
  const { encryption } = context.config;
  if (keys === undefined || encryption === undefined) return [];
  const { timestamp, root } = plan;
  const { signal } = context;
  try {
    const wrappedAt = context.clock();
    const set = { timestamp, root, key: keys.setKey };
    const document = await wrapSetKey(encryption, set, {
      wrappedAt,
      signal,
      kms: kmsOf(context),
    });
    const key = formatKey({ kind: 'set-key', timestamp, instant: instantOf(wrappedAt) });
    await store.create(key, encode(SetKeyDocument, document), { signal });
    return [];
  } catch (error) {
    return [{ content: undefined, error: asStowageError(error) }];
  }
}
