import { expect, test } from 'vitest';
import {
  type AppendOptimizedSource,
  type AppendOptimizedWitness,
  appendOptimizedDifference,
} from './append-optimized.ts';
import { isSoundUnder } from './kinds.ts';

const source = (change: Partial<AppendOptimizedSource> = {}): AppendOptimizedSource => ({
  ...{ kind: 'append-optimized', timeline: 1, lsn: 'A/FFFFFFFF', dbid: 2 },
  ...change,
});
const witness = (change: Partial<AppendOptimizedWitness> = {}): AppendOptimizedWitness => ({
  ...{ kind: 'append-optimized', oid: 5, file: 6, shape: 's', files: 'A', hidden: 'B' },
  ...change,
});
const base = { source: source(), witness: witness() };

test('an append-optimized table is unchanged when its files and its deleted rows are the same', () => {
  const later = { source: source({ lsn: 'B/0' }), witness: witness() };
  expect(appendOptimizedDifference(base, later)).toBeUndefined();
});

test.each([
  ['other files', { witness: witness({ files: 'C' }) }, 'changed'],
  ['other deleted rows', { witness: witness({ hidden: 'C' }) }, 'changed'],
  ['another relfilenode', { witness: witness({ file: 9 }) }, 'rewritten'],
  ['other columns', { witness: witness({ shape: 't' }) }, 'shape-changed'],
  ['another oid', { witness: witness({ oid: 9 }) }, 'replaced'],
  ['a mirror in its place', { source: source({ dbid: 3 }) }, 'timeline-changed'],
  ['another timeline', { source: source({ timeline: 2 }) }, 'timeline-changed'],
  ['a WAL position that went back', { source: source({ lsn: 'A/FFFFFFFE' }) }, 'state-older'],
])('an append-optimized table with %s is read', (_, change, reason) => {
  expect(appendOptimizedDifference(base, { ...base, ...change })).toBe(reason);
});

test('no witness is used under a snapshot by dispatch', () => {
  for (const kind of ['append-optimized', 'file-stamp', 'wal-summary'] as const)
    expect(isSoundUnder(kind, 'dispatch')).toBe(false);
});
