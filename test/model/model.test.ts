import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { postgres17 } from '../support/servers/postgres-17.ts';
import { backUp } from './commands.ts';
import { runModel } from './run.ts';
import { livingSet, rowDifferences } from './sets.ts';
import { newWorld, type World } from './world.ts';

const STEPS = 6;
const binDir17 = await postgres17();

/** The differences that a short run finds, with what is needed to see it again. */
async function shortRun(major: number, seed: number, binDir?: string) {
  const world = await newWorld({ seed, major, binDir });
  try {
    const found = await runModel(world, {
      steps: STEPS,
      restoreEvery: STEPS,
      restoresAtEnd: false,
    });
    return found.length === 0 ? [] : [...found, `seed ${seed}`, ...world.steps];
  } finally {
    await world.stop();
  }
}

test('every set of a short random history has the rows of its snapshot', async () => {
  expect(await shortRun(15, 1)).toEqual([]);
});

test.skipIf(binDir17 === undefined)(
  'on PostgreSQL 17, too, where tables are carried without reading them',
  async () => {
    expect(await shortRun(17, 1, binDir17)).toEqual([]);
  },
);

test.skipIf(binDir17 === undefined)(
  'a server that is set back to one copy twice, and writes as many bytes each time, has two histories',
  async () => {
    const world = await newWorld({ seed: 1, major: 17, binDir: binDir17 });
    try {
      const [server] = world.servers;
      await server?.sql('model', 'ALTER SYSTEM SET autovacuum = off', 'VACUUM FREEZE');
      await server?.keepColdCopy();
      for (const word of ['one', 'two']) {
        const [copy] = server?.copies ?? [];
        if (copy !== undefined) await server?.restoreCopy(copy);
        // The two histories lie more than a second apart: the times of files are whole seconds.
        await setTimeout(1_100);
        await server?.sql('model', `UPDATE left_one SET word = '${word}' WHERE id = 5`);
        expect(await takeAndCompare(world)).toEqual([]);
      }
    } finally {
      await world.stop();
    }
  },
);

async function takeAndCompare(world: World): Promise<string[]> {
  world.truths.clear();
  const { timestamp, status } = await backUp(world.config, {});
  expect(status).toBe('complete');
  return rowDifferences(world.store, await livingSet(world.store, timestamp, world.truths));
}
