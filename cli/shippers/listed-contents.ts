import { parseKey } from '../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../storage/store.ts';

/**
 * The contents named by the keys below a prefix: which agents have claimed, reported or answered.
 */
export async function listedContents(
  store: ObjectStore,
  prefix: string,
): Promise<ReadonlySet<number>> {
  const contents = new Set<number>();
  for await (const object of store.list(prefix)) {
    const key = parseKey(object.key);
    if (key !== undefined && 'content' in key) contents.add(key.content);
  }
  return contents;
}
