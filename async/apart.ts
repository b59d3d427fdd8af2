/**
 * Calls `work` for each item in turn, also after a failure: one item that fails must not keep the
 * caller from the others.
 * @throws the first failure, at the end.
 */
export async function eachApart<Item>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const item of items) await work(item).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
