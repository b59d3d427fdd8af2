import { expect, test } from 'vitest';
import { LANES } from './lanes.mjs';

/**
 * EventBridge rejects a rule as "too complex", and does not document the limit. Its matcher is
 * public (aws/event-ruler, MachineComplexityEvaluator): it counts how many prefixes of wildcard
 * patterns one worst-case key can match at once. By this count, a published rule with 9 was
 * accepted, and one with 12 rejected.
 */
const COMPLEXITY_MAX = 9;

/**
 * The state of a pattern after some characters: its position, and whether a wildcard took the last.
 */
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

test('the count separates rules that EventBridge accepted and rejected', () => {
  // https://github.com/vals-ai/Valkyrie/pull/278: with the fourth stack it was too complex. The
  // names are changed.
  const stacks = ['Shared', 'Prod', 'Data', 'Monitoring'].map((name) => `*:stack/${name}Stack/*`);
  expect(complexityOf(stacks.slice(0, 3))).toBe(COMPLEXITY_MAX);
  expect(complexityOf(stacks)).toBe(12);
});

test.each(LANES)('the rule of $name is not too complex for EventBridge', ({ keys }) => {
  expect(complexityOf(keys.map((key) => `clusters/shop/${key}`))).toBeLessThanOrEqual(
    COMPLEXITY_MAX,
  );
});
