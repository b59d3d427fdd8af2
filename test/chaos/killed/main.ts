/**
 * `node test/chaos/killed/main.ts --store directory --seed N --kills 200`: the commands of one root
 * as real processes, which die by SIGKILL at any moment (docs/testing.md).
 */
import { parseArgs } from 'node:util';
import { runKilled } from './run.ts';
import { newKilledWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'directory' },
    seed: { type: 'string', default: '0' },
    kills: { type: 'string', default: '200' },
  },
});
const { store } = values;
if (store !== 'directory' && store !== 'ceph') throw new Error('--store directory or ceph');
const [seed, kills] = [Number(values.seed), Number(values.kills)];
const begun = performance.now();
const world = await newKilledWorld(seed, store);
let found: readonly string[] = [];
try {
  const onRound = (line: string) => void process.stdout.write(`${line}\n`);
  found = await runKilled(world, { kills, onRound });
} catch (error) {
  found = [`it broke: ${error instanceof Error ? error.stack : String(error)}`];
} finally {
  await world.stop();
}
const seconds = Math.round((performance.now() - begun) / 1000);
const counts = Object.fromEntries([...world.counts].toSorted());
process.stderr.write(`${JSON.stringify({ store, seed, seconds, counts })}\n`);
for (const line of found) process.stderr.write(`${line}\n`);
process.exit(found.length > 0 ? 1 : 0);
