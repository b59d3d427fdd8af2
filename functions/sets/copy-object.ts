import { crc32 } from 'node:zlib';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { failure, type Result, success } from '../../backup-set/base/result.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { hex } from '../../frame/hex.ts';
import type { CallOptions, ObjectStore } from '../../storage/store.ts';

/** The server copies; each copy of a large object is several requests at once by itself. */
export const COPIES_IN_FLIGHT = 8;

export interface CopyStores {
  readonly from: ObjectStore;
  readonly to: ObjectStore;
}

/** An object of a set. */
export interface CopiedObject {
  readonly key: string;
  readonly bytes: number;
  /** From its receipt; absent = the object is compared with the one at the source. */
  readonly crc32?: string;
}

/**
 * Copies one object of a set to the same key of another root, create-only. An object that is at the
 * target with the same bytes counts as copied: an earlier try created it (`present`). It is read.
 * @returns a problem when the object is missing at the source, or differs at the target.
 */
export async function copyObject(
  { from, to }: CopyStores,
  object: CopiedObject,
  options: CallOptions,
): Promise<Result<'copied' | 'present', Problem>> {
  const { key, bytes } = object;
  const sizeDiffers = (found: number): Problem => ({
    code: 'size-differs',
    object: key,
    message: `the object at ${to.url} has ${plural(found, 'byte')}, the object of the set has ${count(bytes)}`,
  });
  try {
    const stored = await to.copyFrom(from, key, options);
    return stored.bytes === bytes ? success('copied') : failure(sizeDiffers(stored.bytes));
  } catch (error) {
    if (isStowageError(error, 'storage/not-found'))
      return failure({ code: 'object-missing', object: key, message: 'the object is missing' });
    if (!isStowageError(error, 'storage/exists')) throw error;
    const present = await to.head(key, options);
    if (present?.bytes !== bytes) return failure(sizeDiffers(present?.bytes ?? 0));
    return comparePresent({ from, to }, object, options);
  }
}

async function comparePresent(
  { from, to }: CopyStores,
  { key, crc32: known }: CopiedObject,
  options: CallOptions,
): Promise<Result<'present', Problem>> {
  const wanted = known ?? (await digestOf(from, key, options));
  const found = await digestOf(to, key, options);
  if (found === wanted) return success('present');
  const message = `the object at ${to.url} has CRC-32 ${found}, the object of the set has ${wanted}`;
  return failure({ code: 'digest-differs', object: key, message });
}

async function digestOf(store: ObjectStore, key: string, options: CallOptions): Promise<string> {
  let digest = 0;
  for await (const chunk of store.get(key, options)) digest = crc32(chunk, digest);
  return hex(digest);
}
