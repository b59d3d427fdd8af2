/** Installs exactly the packages of package-lock.json into node_modules; one of them is Node 24. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { withLock } from './lock.mjs';
import { holds, pathWithout, stampOf } from './locked-packages.mjs';
import { majorOf } from './needs.mjs';
import { outputOf, runQuietly } from './run.mjs';
import { SetupError } from './setup-error.mjs';

const NODE_MAJOR = 24;

export async function installNodePackages(root, print) {
  const at = (name) => path.join(root, name);
  const lockText = await readFile(at('package-lock.json'), 'utf8');
  const stamp = stampOf(lockText, process.platform, process.arch);
  const isStamped = async () => (await textOf(at('node_modules/.stowage-lock'))) === stamp;

  if (!(await isStamped())) {
    await withLock(at('.stowage-setup.lock'), print, async () => {
      if (await isStamped()) return; // another run installed it meanwhile
      // After `npm ci` by hand nothing is to do; a second one would remove files that are in use.
      if (!holds(await textOf(at('node_modules/.package-lock.json')), lockText))
        await installLocked(root, lockText, print);
      await requireNode(root);
      await writeFile(at('node_modules/.stowage-lock'), stamp);
    });
  }
  await requireNode(root);
}

/** @throws SetupError (exit 1) when npm installed other packages than those of the lock file. */
async function installLocked(root, lockText, print) {
  print('installing npm packages');
  // `npm run` puts node_modules/.bin first in PATH: npm must not run on the node that it removes.
  const env = {
    ...process.env,
    PATH: pathWithout(process.env.PATH ?? '', path.join(root, 'node_modules')),
  };
  const npm = (...args) =>
    runQuietly('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, env });
  // `npm ci` refuses a lock file that lacks optional packages of other platforms; some registries
  // do
  // not have them. `npm install` installs the same versions, and the result is compared below.
  await npm('ci').catch(async (refused) => {
    if (!refused.message.includes('EUSAGE')) throw refused;
    await npm('install', '--no-save');
  });
  if (!holds(await textOf(path.join(root, 'node_modules/.package-lock.json')), lockText)) {
    throw new SetupError(
      1,
      'npm installed other packages than those of package-lock.json. Try: rm -rf node_modules && npm install',
    );
  }
}

/** @throws SetupError (exit 2) when the npm package `node` did not install its program. */
async function requireNode(root) {
  const program = path.join(root, 'node_modules/.bin/node');
  const version = await outputOf(program, ['--version']);
  if (version !== undefined && majorOf(version.replace(/^v/, '')) >= NODE_MAJOR) return;
  throw new SetupError(
    2,
    [
      `node_modules/.bin/node ${version === undefined ? 'cannot be run' : `is ${version}`}. Stowage needs Node ${NODE_MAJOR} or later.`,
      'The npm package `node` downloads it with an install script. Allow install scripts: `npm config get ignore-scripts`',
      'must print false, and newer versions of npm also need `npm approve-scripts`. Then run:',
      '  rm -rf node_modules && npm ci',
    ].join('\n'),
  );
}

const textOf = (file) => readFile(file, 'utf8').catch(() => undefined);
