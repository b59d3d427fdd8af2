import fc from 'fast-check';
import { REPEATS } from './repeats.ts';

/** Of fast-check's usual 100: each run of CI has another seed. */
const RUNS = 40;

if (!REPEATS) fc.configureGlobal({ numRuns: RUNS });
