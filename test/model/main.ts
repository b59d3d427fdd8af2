/**
 * `node test/model/main.ts --seed N --steps M --postgresql 17`: random changes of two servers, a
 * backup after each, and a comparison of every set with its snapshot (docs/testing.md).
 */
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { mutate } from './mutations.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '0' },
    steps: { type: 'string', default: '100' },
    postgresql: { type: 'string', default: '15' },
    'restore-every': { type: 'string', default: '25' },
    // A defect of mutations.ts, which the run must notice.
    mutation: { type: 'string' },
    // The coordinator of a cluster of Greenplum 6, instead of two servers.
    greenplum: { type: 'string' },
    // After so many steps wait for a line on standard input: others need the cluster, too.
    pieces: { type: 'string' },
  },
});
const meets = values.mutation === undefined ? undefined : mutate(values.mutation).meets;
const { startRun } = await import('./start.ts');
const seed = Number(values.seed);
const steps = Number(values.steps);
const begun = performance.now();
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { world, run } = await startRun({ ...values, seed, meets });
let found: readonly string[] = [];
try {
  found = await run({
    steps,
    restoreEvery: Number(values['restore-every']),
    async onStep(at, line) {
      process.stdout.write(`${at}: ${line}\n`);
      if (values.pieces !== undefined && at % Number(values.pieces) === 0) await lines.next();
    },
  });
} catch (error) {
  found = [`it broke: ${error instanceof Error ? error.stack : String(error)}`];
} finally {
  await world.stop();
}
const counts = Object.fromEntries([...world.counts].toSorted());
const seconds = Math.round((performance.now() - begun) / 1000);
const on = values.greenplum ?? values.postgresql;
process.stderr.write(
  `${JSON.stringify({ seed, on, steps: world.steps.length, seconds, counts })}\n`,
);
for (const line of found) process.stderr.write(`${line}\n`);
if (found.length > 0) process.stderr.write(`seed ${seed}, the steps:\n${world.steps.join('\n')}\n`);
process.exit(found.length > 0 ? 1 : 0);
