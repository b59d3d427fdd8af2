import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { eachInFlight, mapInFlight, weighed } from './each-in-flight.ts';

const items = Array.from({ length: 10 }, (_, at) => at);

test('eachInFlight works on every item once, and on at most `inFlight` at a time', async () => {
  const done: number[] = [];
  let [running, most] = [0, 0];
  await eachInFlight(items, 3, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await turn();
    running -= 1;
    done.push(item);
  });
  expect(done.toSorted((a, b) => a - b)).toEqual(items);
  expect(most).toBe(3);
});

test('eachInFlight starts no item after a failure, and awaits those in progress', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    if (item === 1) throw new Error('the second');
    for (let turns = 0; turns < 5; turns += 1) await turn();
    ended.push(item);
  };
  await expect(eachInFlight(items, 3, work)).rejects.toThrow('the second');
  expect(begun).toEqual([0, 1, 2]);
  expect(ended).toEqual([0, 2]);
});

test('weighed bounds the weight in progress, and runs a heavier item alone, in order', async () => {
  const begun: number[] = [];
  let [underWay, working] = [0, 0];
  const admit = weighed(10);
  const weights = [4, 6, 1, 30, 2, 2, 20, 5];
  await Promise.all(
    weights.map((weight) =>
      admit(weight, async () => {
        begun.push(weight);
        underWay += weight;
        working += 1;
        expect(underWay <= 10 || working === 1).toBe(true);
        await turn();
        underWay -= weight;
        working -= 1;
      }),
    ),
  );
  expect(begun).toEqual(weights);
});

test('weighed starts the next work after a failure', async () => {
  const admit = weighed(1);
  const failing = admit(1, () => Promise.reject(new Error('the first')));
  const next = admit(1, () => Promise.resolve('the second'));
  await expect(failing).rejects.toThrow('the first');
  await expect(next).resolves.toBe('the second');
});

test('mapInFlight returns the results in the order of the items', async () => {
  const results = await mapInFlight(items, 4, async (item) => {
    for (let turns = items.length - item; turns > 0; turns -= 1) await turn();
    return item * 2;
  });
  expect(results).toEqual(items.map((item) => item * 2));
});

test('eachInFlight ends an asynchronous source after a failure of the work', async () => {
  let ended = false;
  async function* source() {
    try {
      for (const item of items) yield item;
    } finally {
      ended = true;
    }
  }
  const work = (item: number) => (item === 2 ? Promise.reject(new Error('third')) : turn());
  await expect(eachInFlight(source(), 2, work)).rejects.toThrow('third');
  expect(ended).toBe(true);
});

test('eachInFlight throws an error of its source after all work in progress ended', async () => {
  const ended: number[] = [];
  async function* source() {
    yield 1;
    throw new Error('the source broke');
  }
  const work = async (item: number) => {
    for (let turns = 0; turns < 5; turns += 1) await turn();
    ended.push(item);
  };
  await expect(eachInFlight(source(), 2, work)).rejects.toThrow('the source broke');
  expect(ended).toEqual([1]);
});
