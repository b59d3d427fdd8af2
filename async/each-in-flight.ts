type Items<Item> = Iterable<Item> | AsyncIterable<Item>;

/**
 * Calls `work` for all items, at most `inFlight` at once. After a failure it starts no further item
 * and awaits those in progress, so that no work still runs when the caller handles the failure.
 * @throws the first failure.
 */
export async function eachInFlight<Item>(
  items: Items<Item>,
  inFlight: number,
  work: (item: Item, index: number) => Promise<unknown>,
): Promise<void> {
  const iterator = iteratorOf(items);
  const failures: unknown[] = [];
  let index = 0;
  let ended = false;
  const lane = async () => {
    while (failures.length === 0 && !ended) {
      try {
        const next = await iterator.next();
        if (next.done === true) {
          ended = true;
          return;
        }
        if (failures.length === 0) await work(next.value, index++);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  if (failures.length === 0) return;
  if (!ended) await Promise.resolve(iterator.return?.()).catch(() => undefined);
  throw failures[0];
}

/** Like `eachInFlight`. @returns the results of `work` in the order of the items. */
export async function mapInFlight<Item, Result>(
  items: Items<Item>,
  inFlight: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  await eachInFlight(items, inFlight, async (item, index) => {
    results[index] = await work(item, index);
  });
  return results;
}

function iteratorOf<Item>(items: Items<Item>): AsyncIterator<Item> | Iterator<Item> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
}

/**
 * Limits concurrent work by weight: work starts in the order of the calls, while the weights of all
 * work in progress add up to at most `weightMax`. A heavier item runs alone.
 */
export function weighed(
  weightMax: number,
): <T>(weight: number, work: () => Promise<T>) => Promise<T> {
  let underWay = 0;
  let working = 0;
  const waiting: { readonly weight: number; readonly begin: () => void }[] = [];
  const admit = () => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (working > 0 && underWay + next.weight > weightMax) return;
      waiting.shift();
      underWay += next.weight;
      working += 1;
      next.begin();
    }
  };
  return async (weight, work) => {
    await new Promise<void>((begin) => {
      waiting.push({ weight, begin });
      admit();
    });
    try {
      return await work();
    } finally {
      underWay -= weight;
      working -= 1;
      admit();
    }
  };
}
