/** Makes .venv hold the emulator of AWS and the template linter, for the tests of the stack. */
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { withLock } from './lock.mjs';
import { runQuietly } from './run.mjs';
import { SetupError } from './setup-error.mjs';

const PACKAGES = 'infra/setup/emulator-packages.txt';
/** The first version that the emulator runs on. */
const PYTHON_MIN = [3, 10];
/** Set to 1 to run everything else without it. */
const WAIVER = 'STOWAGE_WITHOUT_EMULATOR';

/**
 * Installs what the lock file names, once. Without a Python that can make an environment it says so, loudly, and
 * returns: what can be tested without the stack is tested.
 */
export async function installEmulator(root, say, environment = process.env) {
  if (environment[WAIVER] === '1') return;
  const python = await findPython();
  if (python === undefined) {
    say(
      `not run: the tests of the stack on AWS, as there is no Python ${PYTHON_MIN.join('.')} with venv (Debian: apt-get install python3 python3-venv)`,
    );
    return;
  }
  const at = (name) => path.join(root, name);
  const stamp = `${python.version}\n${await readFile(at(PACKAGES), 'utf8')}`;
  const isStamped = async () => (await readFile(at('.venv/stowage-lock'), 'utf8').catch(() => '')) === stamp;
  if (await isStamped()) return;
  await withLock(at('.stowage-venv.lock'), say, async () => {
    if (await isStamped()) return; // another run did it while we waited
    say('installing the emulator of AWS into .venv');
    await rm(at('.venv'), { recursive: true, force: true });
    await runQuietly(python.program, ['-m', 'venv', at('.venv')]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', at(PACKAGES)];
    await runQuietly(at('.venv/bin/python'), pip).catch((error) => {
      const way = `or run everything that does without: ${WAIVER}=1 npm test`;
      throw new SetupError(1, `${error.message}\n${way}`);
    });
    await writeFile(at('.venv/stowage-lock'), stamp);
  });
}

async function findPython() {
  for (const program of ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10']) {
    const version = await promisify(execFile)(program, [
      '-c',
      'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])',
    ]).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    );
    if (version !== undefined && isNewEnough(version)) return { program, version };
  }
  return undefined;
}

/** Pure: `3.11` of `import sys` against what the emulator needs. */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > PYTHON_MIN[0] || (major === PYTHON_MIN[0] && minor >= PYTHON_MIN[1]);
}
