import { expect, test } from 'vitest';
import { decode, encode } from '../base/document.ts';
import { Verdict } from '../base/verdict.ts';
import { AT, TIMESTAMP } from '../testing/builders.ts';
import { boundedWarnings, describeWarning, WARNINGS_MAX, type Warning } from './warnings.ts';

const SINCE = '20260130120000';
const verdict: Verdict = {
  format: 'stowage/verdict',
  version: 1,
  timestamp: TIMESTAMP,
  level: 'validate',
  at: AT,
  status: 'complete',
  checked: { objects: 1, bytes: 2 },
  problemsTotal: 0,
  problems: [],
};
const warning: Warning = {
  code: 'rows-fewer',
  message: `sales.orders lost 41 % of its rows since set ${SINCE}: 1,000 → 590`,
  relation: { schema: 'sales', name: 'orders' },
  since: SINCE,
  unit: 'rows',
  was: 1000,
  is: 590,
};

test('a verdict with warnings can be written and read, and its status does not change', () => {
  const compared = { sets: [SINCE], tables: 12 };
  const written: Verdict = { ...verdict, ...boundedWarnings({ compared, warnings: [warning] }) };
  expect(decode(Verdict, { key: 'k', bytes: encode(Verdict, written) })).toEqual(written);
  expect(written.status).toBe('complete');
});

test('a verdict without warnings has the bytes that it had before warnings existed', () => {
  const bytes = encode(Verdict, { ...verdict, ...boundedWarnings({ warnings: [] }) });
  expect(new TextDecoder().decode(bytes)).toBe(`${JSON.stringify(verdict)}\n`);
});

test('a verdict lists a bounded number of warnings, and has their total number', () => {
  const warnings = Array.from({ length: WARNINGS_MAX + 5 }, () => warning);
  const fields = boundedWarnings({ warnings });
  expect(fields.warnings).toHaveLength(WARNINGS_MAX);
  expect(fields.warningsTotal).toBe(WARNINGS_MAX + 5);
});

test('describeWarning ends the line with the code', () => {
  expect(describeWarning(warning)).toMatch(/1,000 → 590 \(rows-fewer\)$/);
});

test('a list that a verdict has cut keeps the number of all warnings', () => {
  const cut = boundedWarnings({ warnings: Array(WARNINGS_MAX + 50).fill(warning) });
  expect(boundedWarnings({ warnings: [], ...cut })).toEqual(cut);
  expect(cut.warningsTotal).toBe(WARNINGS_MAX + 50);
});
