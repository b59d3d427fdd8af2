import { expect, test } from 'vitest';
import { LANES } from './lanes.mjs';

/**
 * EventBridge refuses a rule as "too complex", and says nowhere what that is. Its matcher is public (aws/event-ruler,
 * MachineComplexityEvaluator): it counts how many beginnings of wildcard patterns one worst key can match at once. By
 * this count, somebody's rule of 9 was accepted, and one of 12 refused.
 */
const COMPLEXITY_MAX = 9;

/** Where a pattern is after some characters: at which of its own, and whether a wildcard took the last one. */
type At = `${number} ${number} ${'literal' | 'wildcard'}`;

function complexityOf(patterns: readonly string[]): number {
  const characters = new Set(patterns.join('').replaceAll('*', ''));
  let waiting: At[][] = [patterns.map((_, index): At => `${index} 0 literal`)];
  const seen = new Set<string>();
  let most = 0;
  while (waiting.length > 0) {
    const reached = waiting.flatMap((ats) =>
      [...characters].map((one) => after(patterns, ats, one)),
    );
    most = Math.max(most, ...reached.map((ats) => counted(patterns, ats)));
    waiting = reached.filter((ats) => !seen.has(ats.join()) && seen.add(ats.join()));
  }
  return most;
}

function after(patterns: readonly string[], ats: readonly At[], character: string): At[] {
  const next = ats.flatMap((at): At[] => {
    const [index = 0, place = 0] = at.split(' ').map(Number);
    const pattern = patterns[index] ?? '';
    if (pattern[place] !== '*')
      return pattern[place] === character ? [`${index} ${place + 1} literal`] : [];
    const beyond: At[] = pattern[place + 1] === character ? [`${index} ${place + 2} literal`] : [];
    return [`${index} ${place} wildcard`, ...beyond];
  });
  return [...new Set(next)].sort();
}

/** What matches `sets/` also matches `sets/*`. */
const counted = (patterns: readonly string[], ats: readonly At[]) =>
  ats.flatMap((at) => {
    const [index = 0, place = 0] = at.split(' ').map(Number);
    const more: At = `${index} ${place} wildcard`;
    return patterns[index]?.[place] === '*' && !ats.includes(more) ? [at, more] : [at];
  }).length;

test('the count is that of rules that EventBridge has accepted and refused', () => {
  // https://github.com/vals-ai/Valkyrie/pull/278: with the fourth stack it was too complex. Their names are ours.
  const stacks = ['Shared', 'Prod', 'Data', 'Monitoring'].map((name) => `*:stack/${name}Stack/*`);
  expect(complexityOf(stacks.slice(0, 3))).toBe(COMPLEXITY_MAX);
  expect(complexityOf(stacks)).toBe(12);
});

test.each(LANES)('the rule of $name is not too complex for EventBridge', ({ keys }) => {
  expect(complexityOf(keys.map((key) => `clusters/shop/${key}`))).toBeLessThanOrEqual(
    COMPLEXITY_MAX,
  );
});
