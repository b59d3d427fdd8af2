import type { z } from 'zod';
import { decode } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import type { Deps } from '../deps.ts';
import { readDocument } from './load.ts';

/**
 * A document; undefined when it is missing or not valid.
 * @param onInvalid for a reader that must say why; absent = another check says so.
 */
export async function tryRead<Schema extends z.ZodType>(
  deps: Deps,
  key: string,
  schema: Schema,
  onInvalid?: (error: Error) => void,
): Promise<z.output<Schema> | undefined> {
  const raw = await readDocument(deps, key);
  if (raw === undefined) return undefined;
  try {
    return decode(schema, raw);
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    onInvalid?.(error);
    return undefined;
  }
}
