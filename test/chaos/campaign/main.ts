/**
 * `node test/chaos/campaign/main.ts --seed N --runs M`: real servers, a real S3 server, real
 * commands, and faults. Prints one JSON line per run, and a summary at the end (docs/testing.md).
 */
import { parseArgs } from 'node:util';
import { startCampaign } from './campaign.ts';
import { isFault } from './judge/judge.ts';
import { NOT_PROTECTED, planRun, type RunPlan } from './plan.ts';
import { lineOf, summaryOf } from './report.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '0' },
    runs: { type: 'string', default: '20' },
    lanes: { type: 'string', default: '2' },
    // stallSeconds of the configuration.
    stall: { type: 'string', default: '10' },
    theme: { type: 'string' },
  },
});
const stallSeconds = Number(values.stall);

const plans: RunPlan[] = [];
for (let seed = Number(values.seed); plans.length < Number(values.runs); seed += 1) {
  const plan = planRun(seed);
  const isWanted =
    values.theme === undefined ? !NOT_PROTECTED.has(plan.theme) : plan.theme === values.theme;
  if (!isWanted) continue;
  plans.push(plan);
}

const lanes = Math.min(Number(values.lanes), plans.length);
const campaign = await startCampaign(lanes, { stallSeconds });
const outcome = await campaign.runAll(plans, {
  onResult: (result) => process.stdout.write(`${lineOf(result)}\n`),
  onBroken: (plan, error) => process.stderr.write(`seed ${plan.seed} broke: ${error.stack}\n`),
});
await campaign.stop();
process.stderr.write(`${summaryOf(outcome.results)}\nruns that broke: ${outcome.broken}\n`);
const clean =
  outcome.broken === 0 && !outcome.results.some(({ findings }) => findings.some(isFault));
process.exit(clean ? 0 : 1);
