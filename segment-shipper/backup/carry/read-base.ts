import { createHash } from 'node:crypto';
import { asStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { BackupOrder } from '../../../backup-set/documents/agents.ts';
import { partPacks } from '../../../backup-set/documents/part-packs.ts';
import type { Extent } from '../../../backup-set/documents/receipt.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { type BaseIndex, baseIndex } from './base-index.ts';
import { extentsAtMost } from './offered-base.ts';
import { usersOf } from './offers.ts';
import { extentScanner, type ScannedExtent } from './scan-extents.ts';

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
  const base = usableFrames(relations, packUseMin, bytes);
  const packsOf = partPacks(key, extentScanner(base.add));
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
    for (const { extents = [], packBytes } of packsOf(piece)) {
      for (const extent of extents) base.addParsed(extent);
      if (packBytes !== undefined) base.endPack(packBytes);
    }
  }
  if (left !== 0 || digest.digest('hex') !== sha256) throw altered();
  return base.index;
}

/** Indexes the extents that the order may use, as they are read. */
function usableFrames(relations: BackupOrder['relations'], packUseMin: number, bytes: number) {
  const index = baseIndex(extentsAtMost(bytes));
  const userOf = usersOf(relations);
  let number = -1;
  /** Of the pack that is being read: how much of it is used is known at its end. */
  let pack = { before: 0, used: 0 };
  const add = (extent: ScannedExtent) => {
    number++;
    pack.used += extent.length;
    const relation = extent.hasDigest ? userOf(extent) : undefined;
    if (relation === undefined) return;
    index.add({ relation, rowFormat: extent.rowFormat }, number, extent.digest);
  };
  return {
    index,
    add,
    addParsed({ digest, rowFormat, range, ...extent }: Extent) {
      const bytesOf = Buffer.from(digest ?? '', 'base64url');
      add({ ...extent, rowFormat, range, hasDigest: digest !== undefined, digest: bytesOf });
    },
    endPack(packBytes: number) {
      if (pack.used < packBytes * packUseMin) index.rollBack(pack.before);
      pack = { before: index.size(), used: 0 };
    },
  };
}
