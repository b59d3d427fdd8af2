import { expect, it } from 'vitest';
import { lookedAtOnce } from './looked-at-once.ts';

it('calls during a slow look wait for it, and no second look begins', async () => {
  const gate = Promise.withResolvers<void>();
  let looks = 0;
  const look = lookedAtOnce(async () => {
    looks += 1;
    await gate.promise;
    return looks;
  }, 0);
  const answers = [look(), look(), look()];
  gate.resolve();
  expect(await Promise.all(answers)).toEqual([1, 1, 1]);
  expect(await look()).toBe(2);
});
