/**
 * `npm test`: runs the checks and the tests at the same time, so that no core waits. The output of
 * the checks comes last, so that the tests do not hide what they found.
 */
import { spawn } from 'node:child_process';

let said = '';
const [check, tests] = await Promise.all([
  run('check', ['ignore', 'pipe', 'pipe'], (text) => {
    said += text;
  }),
  run('test:run', 'inherit', () => undefined),
]);
process.stdout.write(said);
if (check !== 0) process.stdout.write('npm run check has failed: see above\n');
process.exitCode = check || tests;

/** @returns the exit code of the npm script; 1 when a signal ended it. */
function run(
  script: string,
  stdio: 'inherit' | ['ignore', 'pipe', 'pipe'],
  onText: (text: string) => void,
): Promise<number> {
  const child = spawn('npm', ['run', '--silent', script], { stdio });
  child.stdout?.setEncoding('utf8').on('data', onText);
  child.stderr?.setEncoding('utf8').on('data', onText);
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve(code ?? 1));
  });
}
