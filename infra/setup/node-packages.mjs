/** Makes node_modules hold exactly what package-lock.json names, with Node 24 in it. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { withLock } from './lock.mjs';
import { holds, pathWithout, stampOf } from './locked-packages.mjs';
import { majorOf } from './needs.mjs';
import { runQuietly } from './run.mjs';
import { SetupError } from './setup-error.mjs';

const NODE_MAJOR = 24;

export async function installNodePackages(root, say) {
  const at = (name) => path.join(root, name);
  const lockText = await readFile(at('package-lock.json'), 'utf8');
  const stamp = stampOf(lockText, process.platform, process.arch);
  const isStamped = async () => (await textOf(at('node_modules/.stowage-lock'))) === stamp;

  if (!(await isStamped())) {
    await withLock(at('.stowage-setup.lock'), say, async () => {
      if (await isStamped()) return; // another run did it while we waited
      // Whoever ran `npm ci` by hand has done our work; doing it again would pull the files from under what runs.
      if (!holds(await textOf(at('node_modules/.package-lock.json')), lockText))
        await installLocked(root, lockText, say);
      await requireNode(root);
      await writeFile(at('node_modules/.stowage-lock'), stamp);
    });
  }
  await requireNode(root);
}

/** @throws SetupError (exit 1) when what is installed in the end is not what the lock file says. */
async function installLocked(root, lockText, say) {
  say('installing npm packages');
  // node_modules/.bin is first in PATH below `npm run`: npm must not run on the very node that it removes.
  const env = {
    ...process.env,
    PATH: pathWithout(process.env.PATH ?? '', path.join(root, 'node_modules')),
  };
  const npm = (...args) =>
    runQuietly('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, env });
  // `npm ci` refuses a lock file without the optional packages of other platforms, which is what npm writes when a
  // registry does not have them. `npm install` takes the same versions from the same lock; we compare afterwards.
  await npm('ci').catch(async (refused) => {
    if (!refused.message.includes('EUSAGE')) throw refused;
    await npm('install', '--no-save');
  });
  if (!holds(await textOf(path.join(root, 'node_modules/.package-lock.json')), lockText)) {
    throw new SetupError(
      1,
      'npm installed other packages than package-lock.json names; try: rm -rf node_modules && npm install',
    );
  }
}

/** @throws SetupError (exit 2) when the package `node` has not brought its program. */
async function requireNode(root) {
  const program = path.join(root, 'node_modules/.bin/node');
  const version = await promisify(execFile)(program, ['--version']).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
  if (version !== undefined && majorOf(version.replace(/^v/, '')) >= NODE_MAJOR) return;
  throw new SetupError(
    2,
    [
      `node_modules/.bin/node ${version === undefined ? 'cannot be run' : `is ${version}`}, and Stowage needs Node ${NODE_MAJOR} or later.`,
      'The npm package `node` fetches it with an install script: allow scripts (npm config get ignore-scripts',
      'must say false; newer versions of npm also ask `npm approve-scripts`), then:',
      '  rm -rf node_modules && npm ci',
    ].join('\n'),
  );
}

const textOf = (file) => readFile(file, 'utf8').catch(() => undefined);
