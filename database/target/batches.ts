const RELATIONS_PER_STATEMENT = 100;

/** The list in parts, each small enough for one round trip. */
export function* batches<T>(list: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < list.length; at += RELATIONS_PER_STATEMENT)
    yield list.slice(at, at + RELATIONS_PER_STATEMENT);
}
