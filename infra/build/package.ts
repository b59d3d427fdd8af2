/**
 * `npm run package`: the functions' bundles, and by osls the CloudFormation template and a zip per function, all in
 * .serverless/. Needs no network and no account. Prints how large each bundle is; exit 1 when one is too large.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { messageOf } from '../../backup-set/base/errors.ts';
import { withLock } from '../setup/lock.mjs';
import { BUNDLE_BYTES_MAX, bundleFunctions } from './lambda.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

try {
  // Two runs would take each other's bundles for their own.
  await withLock(path.join(ROOT, '.stowage-package.lock'), say, async () => {
    const sizes = await bundleFunctions();
    for (const [name, bytes] of sizes)
      process.stdout.write(`${name} ${(bytes / 1e6).toFixed(2)} MB\n`);
    const large = [...sizes].filter(([, bytes]) => bytes > BUNDLE_BYTES_MAX).map(([name]) => name);
    if (large.length > 0)
      throw new Error(`larger than ${BUNDLE_BYTES_MAX} bytes: ${large.join(', ')}`);
    await osls('package', ...process.argv.slice(2));
  });
} catch (error) {
  say(messageOf(error));
  process.exitCode = 1;
}

function say(line: string): void {
  process.stderr.write(`package: ${line}\n`);
}

/** Without credentials and profile: nothing that packaging does may need an account. */
async function osls(...args: string[]): Promise<void> {
  const program = path.join(ROOT, 'node_modules/.bin/osls');
  const own = Object.entries(process.env).filter(([name]) => !/^AWS_/.test(name));
  const env = {
    ...Object.fromEntries(own),
    AWS_EC2_METADATA_DISABLED: 'true',
    SLS_NOTIFICATIONS_MODE: 'off',
  };
  const child = spawn(process.execPath, [program, ...args], { cwd: ROOT, env, stdio: 'inherit' });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`osls ${args.join(' ')} ended with ${code}`);
}
