/**
 * `npm run package`: bundles the functions, and has osls write the CloudFormation template and a
 * zip per function into .serverless/. Needs no network and no account. Prints the size of each
 * bundle; exits with 1 when one is too large.
 */
import path from 'node:path';
import { describeExit, runToEnd } from '../../async/child-process.ts';
import { messageOf } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { withLock } from '../setup/lock.mjs';
import { BUNDLE_BYTES_MAX, bundleFunctions } from './lambda.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

try {
  // Two runs at once would overwrite each other's bundles.
  await withLock(path.join(ROOT, '.stowage-package.lock'), print, async () => {
    const sizes = await bundleFunctions();
    for (const [name, bytes] of sizes)
      process.stdout.write(`${name} ${(bytes / 1e6).toFixed(2)} MB\n`);
    const large = [...sizes].filter(([, bytes]) => bytes > BUNDLE_BYTES_MAX).map(([name]) => name);
    if (large.length > 0)
      throw new Error(
        `these bundles are larger than ${plural(BUNDLE_BYTES_MAX, 'byte')}: ${large.join(', ')}`,
      );
    await osls('package', ...process.argv.slice(2));
  });
} catch (error) {
  print(messageOf(error));
  process.exitCode = 1;
}

function print(line: string): void {
  process.stderr.write(`package: ${line}\n`);
}

/** Without credentials and profile: packaging must not need an account. */
async function osls(...args: string[]): Promise<void> {
  const program = path.join(ROOT, 'node_modules/.bin/osls');
  const own = Object.entries(process.env).filter(([name]) => !/^AWS_/.test(name));
  const env = {
    ...Object.fromEntries(own),
    AWS_EC2_METADATA_DISABLED: 'true',
    SLS_NOTIFICATIONS_MODE: 'off',
  };
  const options = { cwd: ROOT, env, stdio: 'inherit' } as const;
  const exit = await runToEnd(process.execPath, [program, ...args], options);
  if (exit.code !== 0) throw new Error(`osls ${args.join(' ')} ended with ${describeExit(exit)}`);
}
