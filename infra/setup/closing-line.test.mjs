import { describe, expect, test } from 'vitest';
import { close } from './closing-line.mjs';

const file = (status, ...tests) => ({
  name: 'a.test.ts',
  status,
  assertionResults: tests.map((one) => ({ status: one })),
});
const report = (passed, failed, total, ...testResults) =>
  JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numTotalTests: total,
    testResults,
  });

describe('the closing line of a run', () => {
  test('counts passed, failed and skipped tests', () => {
    expect(close(report(2, 0, 3, file('passed', 'passed', 'passed', 'pending')), 0)).toMatchObject({
      passed: 2,
      failed: 0,
      skipped: 1,
    });
    expect(close(report(1, 1, 2, file('failed', 'passed', 'failed')), 1)).toMatchObject({
      passed: 1,
      failed: 1,
      skipped: 0,
    });
  });

  test('counts a file that does not load as a failure', () => {
    expect(close(report(1, 0, 1, file('passed', 'passed'), file('failed')), 1)).toMatchObject({
      passed: 1,
      failed: 1,
    });
  });

  test('counts a missing report, a run of no tests and an unexplained exit code as failures', () => {
    expect(close('', 2)).toMatchObject({
      passed: 0,
      failed: 1,
      note: 'the run ended with exit code 2 before any test ran',
    });
    expect(close(report(0, 0, 4), 0)).toMatchObject({ failed: 1, skipped: 4 });
    expect(close(report(5, 0, 5, file('passed')), 1)).toMatchObject({ passed: 5, failed: 1 });
  });
});
