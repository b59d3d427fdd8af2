/** Makes .venv hold the emulator of AWS and the template linter, for the tests of the stack. */
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { installDebian } from './debian.mjs';
import { withLock } from './lock.mjs';
import { runQuietly } from './run.mjs';
import { SetupError } from './setup-error.mjs';

const PACKAGES = 'infra/setup/packages/emulator.txt';
/** Minor versions of Python 3 for which all packages of the lock file exist: regex asks for 11, cfn-lint takes no 15. */
const PYTHON_MINORS = { min: 11, max: 14 };
/** Set to 1 to run everything else without it. */
const WAIVER = 'STOWAGE_WITHOUT_EMULATOR';
/** Debian's python3 comes without what makes environments. */
const DEBIAN = { packages: ['python3', 'python3-venv'], waiver: WAIVER };

/**
 * Installs what the lock file names, once. Without a Python that can make an environment it says so, loudly, and
 * returns: what can be tested without the stack is tested.
 */
export async function installEmulator(root, say, environment = process.env) {
  if (environment[WAIVER] === '1') return;
  const python = (await findPython()) ?? (await installPython(say));
  if (python === undefined) {
    say(
      `not run: the tests of the stack on AWS, as there is no Python 3.${PYTHON_MINORS.min} to 3.${PYTHON_MINORS.max} with venv (Debian: apt-get install ${DEBIAN.packages.join(' ')})`,
    );
    return;
  }
  const at = (name) => path.join(root, name);
  const stamp = `${python.version}\n${await readFile(at(PACKAGES), 'utf8')}`;
  const isStamped = async () =>
    (await readFile(at('.venv/stowage-lock'), 'utf8').catch(() => '')) === stamp;
  if (await isStamped()) return;
  await withLock(at('.stowage-venv.lock'), say, async () => {
    if (await isStamped()) return; // another run did it while we waited
    say('installing the emulator of AWS into .venv');
    await rm(at('.venv'), { recursive: true, force: true });
    await runQuietly(python.program, ['-m', 'venv', at('.venv')]);
    const pip = [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '-r',
      at(PACKAGES),
    ];
    await runQuietly(at('.venv/bin/python'), pip).catch((error) => {
      const way = `or run everything that does without: ${WAIVER}=1 npm test`;
      throw new SetupError(1, `${error.message}\n${way}`);
    });
    await writeFile(at('.venv/stowage-lock'), stamp);
  });
}

/** Without a way to Debian's archive, too, the tests that need no Python are run. */
async function installPython(say) {
  await installDebian([DEBIAN], say).catch((error) => {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
  });
  return findPython();
}

/** A Python that can make environments, or undefined. */
export async function findPython() {
  for (const program of ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11']) {
    const version = await promisify(execFile)(program, [
      '-c',
      'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])',
    ]).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    );
    if (version !== undefined && isSupported(version)) return { program, version };
  }
  return undefined;
}

/** Pure: of a version such as `3.11`, whether the packages of the lock file can be installed on it. */
export function isSupported(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major === 3 && minor >= PYTHON_MINORS.min && minor <= PYTHON_MINORS.max;
}
