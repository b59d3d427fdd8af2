/**
 * Whether the tests run that show on another store, by another signal or at another moment what a
 * test beside them shows. `npm test` leaves them out, because they take a quarter of the CPU of all
 * tests; `npm run test:all` runs them.
 */
export const REPEATS = process.env['STOWAGE_TEST_REPEATS'] === '1';

/** The cases of a test: those of every run, and those that repeat them. */
export function withRepeats<T>(always: readonly T[], repeats: readonly T[]): readonly T[] {
  return REPEATS ? [...always, ...repeats] : always;
}
