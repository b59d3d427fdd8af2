import type { z } from 'zod';
import { decode } from '../../backup-set/base/document.ts';
import type { Deps, Unreadable } from '../deps.ts';
import { readDocument } from './load.ts';
import { isOfOneObject, noteUnreadable } from './unreadable.ts';

/**
 * A document; undefined when it is missing, not valid, or withheld by the store. For readers that
 * show what there is: a decision about a set must fail when the store withholds a document of it.
 * @param onUnreadable for a reader that goes on in another way without it.
 */
export async function tryRead<Schema extends z.ZodType>(
  deps: Deps,
  key: string,
  schema: Schema,
  onUnreadable?: (found: Unreadable) => void,
): Promise<z.output<Schema> | undefined> {
  try {
    const raw = await readDocument(deps, key);
    return raw && decode(schema, raw);
  } catch (error) {
    if (!isOfOneObject(error)) throw error;
    const found = noteUnreadable(deps, error, 'document left out, it cannot be read');
    onUnreadable?.(found);
    return undefined;
  }
}
