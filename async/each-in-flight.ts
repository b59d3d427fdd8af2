/**
 * Works on all items, a bounded number at once. After a failure none is begun any more; those under way are awaited, so that
 * nothing writes on behind the back of whoever was told of it. @throws the first failure.
 */
export async function eachInFlight<Item>(
  items: readonly Item[],
  inFlight: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const failures: unknown[] = [];
  const lane = async () => {
    for (const item of left) {
      if (failures.length > 0) return;
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  if (failures.length > 0) throw failures[0];
}

/**
 * Lets work begin while all that is under way weighs no more than `weightMax` together, in the order of asking; what is heavier
 * alone is at it alone.
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
