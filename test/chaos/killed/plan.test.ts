import { expect, test } from 'vitest';
import { randomFrom } from '../random.ts';
import { planRound } from './plan.ts';

test('all commands of a round, and when they die, follow from the seed', () => {
  const plan = (seed: number) => planRound(randomFrom(seed), true);
  expect(plan(7)).toEqual(plan(7));
  expect(plan(7)).not.toEqual(plan(8));
});
