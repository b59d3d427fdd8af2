import { test } from 'vitest';
import { REPEATS } from './repeats.ts';

/** A test that repeats, in another way, what a test beside it shows. */
export const repeated = test.runIf(REPEATS);
