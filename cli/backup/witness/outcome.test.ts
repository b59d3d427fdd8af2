import { expect, test } from 'vitest';
import { type WitnessOutcome, witnessLines } from './outcome.ts';

const base = { timestamp: '20260130120000', manifestSha256: '0'.repeat(64) };
const outcome: WitnessOutcome = {
  ...{ tables: 1430, readTables: 12, partTables: 3 },
  ...{ reasons: [{ reason: 'changed', tables: 12 }], unavailable: [] },
};
const volume = { readBytes: 140_000_000, bytes: 12_000_000_000 };

test('a backup says how many tables it read, how many of them in part, and how much that is', () => {
  expect(witnessLines(outcome, { base }, volume)).toEqual([
    'read 12 of 1,430 tables, 3 of them in part (140 MB of 12.0 GB): the rows of the others did not change since set 20260130120000',
    'why tables were read, per table and segment: its pages changed (12)',
  ]);
  expect(witnessLines({ ...outcome, partTables: 0 }, { base }, volume)[0]).toMatch(
    /^read 12 of 1,430 tables: the rows/,
  );
  expect(witnessLines(outcome, {}, volume)).toEqual([]);
});
