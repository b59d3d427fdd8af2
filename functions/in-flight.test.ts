import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { eachInFlight } from './in-flight.ts';

const items = Array.from({ length: 10 }, (_, at) => at);

test('works on every item once, never on more at once than it may', async () => {
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

test('begins nothing after a failure, and returns when all that was begun has ended', async () => {
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
