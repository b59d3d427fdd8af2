/**
 * Prints the closing line of a test run from vitest's JSON report:
 *   node infra/setup/closing-line.mjs REPORT EXIT_CODE_OF_THE_RUN
 * Exits with 1 when a test failed, and when no test ran.
 */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

/** Pure: the counts, and a note about a failure that belongs to no test. */
export function close(reportText, status) {
  if (reportText.trim() === '')
    return {
      passed: 0,
      failed: 1,
      skipped: 0,
      note: `the run ended with exit code ${status} before any test ran`,
    };
  const {
    testResults,
    numPassedTests: passed,
    numFailedTests,
    numTotalTests,
  } = JSON.parse(reportText);
  // A file that cannot be loaded has no failed test, but counts as a failure.
  const broken = testResults.filter(
    (file) =>
      file.status === 'failed' && !file.assertionResults.some((one) => one.status === 'failed'),
  );
  const failed = numFailedTests + broken.length;
  const skipped = numTotalTests - passed - numFailedTests;
  if (failed > 0)
    return {
      passed,
      failed,
      skipped,
      note: broken.map((file) => `the file failed to load: ${file.name}`).join('\n'),
    };
  if (passed === 0) return { passed, failed: 1, skipped, note: 'no test ran' };
  if (status !== 0)
    return {
      passed,
      failed: 1,
      skipped,
      note: `the run ended with exit code ${status} although no test failed`,
    };
  return { passed, failed, skipped, note: '' };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { passed, failed, skipped, note } = close(
    await readFile(process.argv[2], 'utf8'),
    Number(process.argv[3]),
  );
  if (note !== '') console.log(note);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  process.exitCode = failed > 0 ? 1 : 0;
}
