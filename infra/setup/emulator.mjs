/** Installs the emulator of AWS and the template linter into .venv, for the tests of the stack. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { installDebian } from './debian.mjs';
import { withLock } from './lock.mjs';
import { outputOf, runQuietly } from './run.mjs';
import { SetupError } from './setup-error.mjs';

const PACKAGES = 'infra/setup/packages/emulator.txt';
/**
 * Minor versions of Python 3 that all packages of the lock file support: regex needs 11, cfn-lint
 * does not support 15.
 */
const PYTHON_MINORS = { min: 11, max: 14 };
/** Set to 1, it skips the emulator and the tests that need it. */
const WAIVER = 'STOWAGE_WITHOUT_EMULATOR';
/** Debian's python3 lacks the modules that create virtual environments. */
const DEBIAN = { packages: ['python3', 'python3-venv'], waiver: WAIVER };

/**
 * Installs the packages of the lock file, once. Without a suitable Python it prints which tests are
 * skipped, and returns: all other tests run.
 */
export async function installEmulator(root, print, environment = process.env) {
  if (environment[WAIVER] === '1') return;
  const python = (await findPython()) ?? (await installPython(print));
  if (python === undefined) {
    print(
      `skipped: the tests of the stack on AWS. They need Python 3.${PYTHON_MINORS.min} to 3.${PYTHON_MINORS.max} with venv (Debian: apt-get install ${DEBIAN.packages.join(' ')})`,
    );
    return;
  }
  const at = (name) => path.join(root, name);
  const stamp = `${python.version}\n${await readFile(at(PACKAGES), 'utf8')}`;
  const isStamped = async () =>
    (await readFile(at('.venv/stowage-lock'), 'utf8').catch(() => '')) === stamp;
  if (await isStamped()) return;
  await withLock(at('.stowage-venv.lock'), print, async () => {
    if (await isStamped()) return; // another run installed it meanwhile
    print('installing the emulator of AWS into .venv');
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
      const way = `or run all tests that do not need it: ${WAIVER}=1 npm test`;
      throw new SetupError(1, `${error.message}\n${way}`);
    });
    await writeFile(at('.venv/stowage-lock'), stamp);
  });
}

/** When Debian's archive cannot be reached, the tests that need no Python still run. */
async function installPython(print) {
  await installDebian([DEBIAN], print).catch((error) => {
    if (!(error instanceof SetupError)) throw error;
    print(error.message);
  });
  return findPython();
}

/** A Python of a suitable version that can create virtual environments, or undefined. */
export async function findPython(suits = isSupported) {
  for (const program of ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11']) {
    const version = await outputOf(program, [
      '-c',
      'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])',
    ]);
    if (version !== undefined && suits(version)) return { program, version };
  }
  return undefined;
}

/** Pure. True when the packages of the lock file support a version such as `3.11`. */
export function isSupported(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major === 3 && minor >= PYTHON_MINORS.min && minor <= PYTHON_MINORS.max;
}
