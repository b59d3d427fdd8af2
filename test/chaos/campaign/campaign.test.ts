import { expect, test } from 'vitest';
import { withoutCeph } from '../../support/e2e/place.ts';
import { withRepeats } from '../../support/repeats/repeats.ts';
import { startCampaign } from './campaign.ts';
import { isFault } from './judge/judge.ts';
import { planRun, THEMES } from './plan.ts';
import { lineOf, summaryOf } from './report.ts';

/**
 * Runs whose faults take effect soon: DDL with restores at the same time (245), on the wire (248),
 * on shippers (283), on S3 (131); an agent (226), backends (285), programs (221), the command
 * (114).
 */
const SEEDS = withRepeats([245, 248, 283, 131], [226, 285, 221, 114]);

test('all choices of a run follow from its seed, and every theme has its share of the seeds', () => {
  const plans = Array.from({ length: 2 * THEMES.length }, (_, seed) => planRun(seed));
  expect(plans.map(({ seed }) => planRun(seed))).toEqual(plans);
  expect(new Set(plans.map(({ theme }) => theme))).toEqual(new Set(THEMES));
  expect(planRun(1)).not.toEqual(planRun(1 + THEMES.length));
});

test.skipIf(withoutCeph)(
  'under faults every claim of a backup and a restore is true, every command ends, and nothing stays behind',
  async () => {
    const campaign = await startCampaign(2, { stallSeconds: 5 });
    try {
      const lines: string[] = [];
      const { results, broken } = await campaign.runAll(SEEDS.map(planRun), {
        onResult: (result) => lines.push(lineOf(result)),
        onBroken: ({ seed }, error) => lines.push(`seed ${seed} broke: ${error.stack}`),
      });
      process.stderr.write(`campaign: ${summaryOf(results)}\n`);
      expect(results.flatMap(({ findings }) => findings).filter(isFault), lines.join('\n')).toEqual(
        [],
      );
      expect(broken, lines.join('\n')).toBe(0);
      expect(new Set(results.flatMap(({ fired }) => fired)).size).toBeGreaterThan(SEEDS.length / 2);
    } finally {
      await campaign.stop();
    }
  },
  900_000,
);
