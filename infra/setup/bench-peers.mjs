/** Installs the peers of the bench that are Python packages (aws) into .bench-venv. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { installDebian } from './debian.mjs';
import { findPython } from './emulator.mjs';
import { withLock } from './lock.mjs';
import { runQuietly } from './run.mjs';
import { SetupError } from './setup-error.mjs';

const PACKAGES = 'infra/setup/packages/bench.txt';

/** Debian's python3 lacks the modules that create virtual environments. */
const DEBIAN = {
  packages: ['python3', 'python3-venv'],
  without: 'the bench leaves out the peer that uploads with aws',
};

/**
 * Installs the packages of the lock file, once. When it cannot, it prints why, and the bench leaves
 * the peer out.
 */
export async function installBenchPeers(root, print) {
  const at = (name) => path.join(root, name);
  const python = (await findPython()) ?? (await installPython(print));
  if (python === undefined) {
    print(
      'aws is not installed, so the bench leaves out its peer: no Python with venv (Debian: apt-get install python3 python3-venv)',
    );
    return;
  }
  const stamp = `${python.version}\n${await readFile(at(PACKAGES), 'utf8')}`;
  const isStamped = async () =>
    (await readFile(at('.bench-venv/stowage-lock'), 'utf8').catch(() => '')) === stamp;
  if (await isStamped()) return;
  await withLock(at('.stowage-bench-venv.lock'), print, async () => {
    if (await isStamped()) return; // another run installed it meanwhile
    print('installing aws into .bench-venv');
    await rm(at('.bench-venv'), { recursive: true, force: true });
    try {
      await runQuietly(python.program, ['-m', 'venv', at('.bench-venv')]);
      await runQuietly(at('.bench-venv/bin/python'), [
        ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', at(PACKAGES)],
      ]);
      await writeFile(at('.bench-venv/stowage-lock'), stamp);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      await rm(at('.bench-venv'), { recursive: true, force: true });
      print(`aws is not installed, so the bench leaves out its peer: ${error.message}`);
    }
  });
}

async function installPython(print) {
  await installDebian([DEBIAN], print).catch((error) => {
    if (!(error instanceof SetupError)) throw error;
    print(error.message);
  });
  return findPython();
}
