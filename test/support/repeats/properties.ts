import fc from 'fast-check';
import { REPEATS } from './repeats.ts';

/** Of fast-check's usual 100: each commit has another seed. */
const RUNS = 40;

fc.configureGlobal({
  seed: Number(process.env['STOWAGE_TEST_SEED']),
  ...(!REPEATS && { numRuns: RUNS }),
});
