/**
 * `node test/chaos/campaign/main.ts --seed N --runs M [--lanes L]`: real servers, a real S3 server,
 * real commands, and faults. Prints one JSON line per run, and a summary at the end.
 */
import { parseArgs } from 'node:util';
import { startLane, startStore } from './lane.ts';
import { NEEDS_STALL, planRun, type RunPlan } from './plan.ts';
import { lineOf, summaryOf } from './report.ts';
import { type RunResult, run } from './run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '0' },
    runs: { type: 'string', default: '20' },
    lanes: { type: 'string', default: '2' },
    // 0: the product has no stallSeconds; runs that need it are left out.
    stall: { type: 'string', default: '0' },
    theme: { type: 'string' },
    // dist/stowage.js after `npm run build` starts faster than the source.
    program: { type: 'string' },
  },
});
const [seed, runs, lanes, stallSeconds] = [
  values.seed,
  values.runs,
  values.lanes,
  values.stall,
].map(Number) as [number, number, number, number];

const plans: RunPlan[] = [];
for (let next = seed; plans.length < runs; next += 1) {
  const plan = planRun(next);
  if (stallSeconds === 0 && NEEDS_STALL.has(plan.theme)) continue;
  if (values.theme !== undefined && plan.theme !== values.theme) continue;
  plans.push(plan);
}

const store = await startStore();
const results: RunResult[] = [];
let failed = false;
try {
  await Promise.all(
    Array.from({ length: Math.min(lanes, runs) }, async () => {
      const lane = await startLane(store, values.program);
      try {
        for (let plan = plans.shift(); plan !== undefined; plan = plans.shift()) {
          const result = await run(lane, plan, stallSeconds);
          results.push(result);
          process.stdout.write(`${lineOf(result)}\n`);
        }
      } finally {
        await lane.stop();
      }
    }),
  );
} catch (error) {
  failed = true;
  process.stderr.write(`${String(error instanceof Error ? error.stack : error)}\n`);
} finally {
  await store.stop();
}
process.stderr.write(`${summaryOf(results)}\n`);
process.exitCode = failed || results.some(({ findings }) => findings.length > 0) ? 1 : 0;
