import { createHash } from 'node:crypto';
import { asStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { BackupOrder } from '../../../backup-set/documents/agents.ts';
import { partPacks } from '../../../backup-set/documents/part-packs.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { BaseIndex } from './base-index.ts';
import { extentsAtMost, offeredBase } from './offered-base.ts';
import { offersOf } from './offers.ts';

/** The frames of the base that an order may use, or why none can be used. */
export type ReadBase =
  | { readonly index: BaseIndex | undefined; readonly unused?: never }
  | {
      readonly index?: never;
      readonly unused: { readonly code: string; readonly message: string };
    };

/**
 * Reads base/<content>.json of the set, which the order pins. Without it the agent stores all rows,
 * so a base that cannot be read does not end the backup.
 */
export async function readBase(
  store: ObjectStore,
  order: BackupOrder,
  signal: AbortSignal,
): Promise<ReadBase> {
  try {
    return { index: order.base && (await indexOf(store, order, order.base, signal)) };
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = asStowageError(error);
    return { unused: { code, message } };
  }
}

async function indexOf(
  store: ObjectStore,
  { timestamp, content, relations }: BackupOrder,
  { sha256, bytes, packUseMin }: NonNullable<BackupOrder['base']>,
  signal: AbortSignal,
): Promise<BaseIndex> {
  const key = formatKey({ kind: 'base-part', timestamp, content });
  const packsOf = partPacks(key);
  const offers = offersOf({ relations, packUseMin });
  const base = offeredBase(extentsAtMost(bytes));
  const digest = createHash('sha256');
  let left = bytes;
  const altered = () =>
    new StowageError('set/damaged', `${key} is not the document that the order names`, {
      where: { set: timestamp, content, object: key },
    });
  for await (const piece of store.get(key, { signal })) {
    left -= piece.length;
    if (left < 0) throw altered();
    digest.update(piece);
    for (const part of packsOf(piece)) for (const line of offers.of(part)) base.add(line);
  }
  if (left !== 0 || digest.digest('hex') !== sha256) throw altered();
  for (const line of offers.rest()) base.add(line);
  base.end();
  return base.whole(signal);
}
