import { expect, test } from 'vitest';
import { live } from './live.ts';

const repeated = process.env['STOWAGE_CHAOS_SEED'];
const RUNS = repeated === undefined ? Number(process.env['STOWAGE_LIFETIMES'] ?? 12) : 1;
const FIRST = repeated === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(repeated);
/** In fewer lifetimes than these, chance decides how many sets carry rows. */
const ENOUGH = 12;

test(`in ${RUNS} lifetimes from seed ${FIRST} no set loses an object, and nothing is left that no set needs`, async () => {
  const sum: Record<string, number> = {};
  for (let seed = FIRST; seed < FIRST + RUNS; seed += 1)
    for (const [what, times] of Object.entries((await live(seed)).counts))
      sum[what] = (sum[what] ?? 0) + times;
  process.stderr.write(`lifetimes: ${JSON.stringify(sum)}\n`);
  expect(sum['backup done'] ?? 0).toBeGreaterThan(0);
  // A usual lifetime has three or more of each. Without them no pack outlives its set.
  if (RUNS < ENOUGH) return;
  for (const what of ['plain set carries', 'encrypted set carries', 'removed set is needed'])
    expect(sum[what] ?? 0, what).toBeGreaterThan(RUNS / ENOUGH);
}, 3_600_000);
