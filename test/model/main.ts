/**
 * `node test/model/main.ts --seed N --steps M --postgresql 17`: random changes of two servers, a
 * backup after each, and a comparison of every set with its snapshot (docs/testing.md).
 */
import { parseArgs } from 'node:util';
import { INSTALLED } from '../support/servers/postgres-17.ts';
import { mutate } from './mutations.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '0' },
    steps: { type: 'string', default: '100' },
    postgresql: { type: 'string', default: '15' },
    'restore-every': { type: 'string', default: '25' },
    // A defect of mutations.ts, which the run must notice.
    mutation: { type: 'string' },
  },
});
const meets = values.mutation === undefined ? undefined : mutate(values.mutation).meets;
const { runModel } = await import('./run.ts');
const { newWorld } = await import('./world.ts');
const seed = Number(values.seed);
const steps = Number(values.steps);
const major = Number(values.postgresql);
const begun = performance.now();
const other = process.env['STOWAGE_TEST_POSTGRES_BIN'];
const binDir = other ?? (major >= 17 ? INSTALLED : undefined);
const world = await newWorld({ seed, major, binDir, meets });
let found: readonly string[] = [];
try {
  found = await runModel(world, {
    steps,
    restoreEvery: Number(values['restore-every']),
    onStep: (at, line) => process.stdout.write(`${at}: ${line}\n`),
  });
} catch (error) {
  found = [`it broke: ${error instanceof Error ? error.stack : String(error)}`];
} finally {
  await world.stop();
}
const counts = Object.fromEntries([...world.counts].toSorted());
const seconds = Math.round((performance.now() - begun) / 1000);
process.stderr.write(
  `${JSON.stringify({ seed, major, steps: world.steps.length, seconds, counts })}\n`,
);
for (const line of found) process.stderr.write(`${line}\n`);
if (found.length > 0) process.stderr.write(`seed ${seed}, the steps:\n${world.steps.join('\n')}\n`);
process.exit(found.length > 0 ? 1 : 0);
