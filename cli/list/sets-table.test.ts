import { expect, test } from 'vitest';
import type { ListedSet } from '../../functions/sets/describe-sets.ts';
import { NO_SCREEN } from '../output/table/screen.ts';
import { setsTable } from './sets-table.ts';

const NOW = new Date('2026-11-30T00:00:00Z');
const SET: ListedSet = {
  timestamp: '20261129120000',
  status: 'complete',
  database: 'orders',
  cluster: 'main',
  chosen: false,
  encrypted: false,
  selection: undefined,
  tags: [],
  group: undefined,
  retention: undefined,
  totals: undefined,
  needs: [],
  elapsedMs: undefined,
  verdict: undefined,
  verified: undefined,
  drill: undefined,
};
const lineOf = (more: object) =>
  setsTable([{ ...SET, ...more } as ListedSet], { now: NOW, screen: NO_SCREEN }).split('\n');

test('a column for what no set has is left out', () => {
  expect(lineOf({})[0]).not.toMatch(/tags|group|retention|drill|copies/);
});

test.each([
  [{ verified: { at: '2026-11-28T00:00:00Z', status: 'complete' } }, / 2d$/],
  [{ verified: { at: '2026-11-28T00:00:00Z', status: 'damaged' } }, / 2d BAD$/],
  [{ drill: { at: '2026-11-29T23:00:00Z', status: 'passed' } }, / 60m$/],
  [{ drill: { at: '2026-11-29T12:00:00Z', status: 'failed' } }, / 12h FAILED$/],
  [{ tags: ['nightly'] }, / nightly$/],
  [{ retention: { state: 'expired', since: '2026-11-29T00:00:00Z' } }, / expired 24h ago$/],
])('a set with %j has a line that ends with %s', (more, end) => {
  expect(lineOf(more)[2]).toMatch(end);
});
