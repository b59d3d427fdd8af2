import { isStowageError } from '../../backup-set/base/errors.ts';
import { failure, type Result, success } from '../../backup-set/base/result.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { CallOptions, ObjectStore } from '../../storage/store.ts';

/** The server copies; each copy of a large object is several requests at once by itself. */
export const COPIES_IN_FLIGHT = 8;

export interface CopyStores {
  readonly from: ObjectStore;
  readonly to: ObjectStore;
}

/**
 * Copies one object of a set to the same key of another root, create-only. An object that is at the
 * target with the right size counts as copied: an earlier try created it (`present`).
 * @param bytes the size that the set gives the object.
 * @returns a problem when the object is missing at the source, or has another size at the target.
 */
export async function copyObject(
  { from, to }: CopyStores,
  { key, bytes }: { readonly key: string; readonly bytes: number },
  options: CallOptions,
): Promise<Result<'copied' | 'present', Problem>> {
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
    return present?.bytes === bytes
      ? success('present')
      : failure(sizeDiffers(present?.bytes ?? 0));
  }
}
