import { expect, test } from 'vitest';
import { randomFrom } from '../random.ts';
import { planRound } from './plan.ts';
import { runKilled } from './run.ts';
import { newKilledWorld } from './world.ts';

test('all commands of a round, and when they die, follow from the seed', () => {
  const plan = (seed: number) => planRound(randomFrom(seed), true);
  expect(plan(7)).toEqual(plan(7));
  expect(plan(7)).not.toEqual(plan(8));
});

test('no set loses an object when commands are killed, and at the end nothing unneeded is stored', async () => {
  const world = await newKilledWorld(1, 'directory');
  const rounds: string[] = [];
  try {
    const found = await runKilled(world, { kills: 3, onRound: (line) => rounds.push(line) });
    expect(found, rounds.join('\n')).toEqual([]);
  } finally {
    await world.stop();
  }
}, 600_000);
