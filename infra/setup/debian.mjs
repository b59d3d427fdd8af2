/** Installs Debian packages, and nothing but these: no service is started, no PostgreSQL cluster is created. */
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { hasProgram } from './machine.mjs';
import { isDispensable, packagesOf } from './needs.mjs';
import { runQuietly } from './run.mjs';
import { SetupError } from './setup-error.mjs';

/** postgresql-common reads it before it would create and start the cluster "main" on port 5432. */
const NO_MAIN_CLUSTER = {
  dir: '/etc/postgresql-common/createcluster.d',
  file: '/etc/postgresql-common/createcluster.d/stowage-setup.conf',
  text: 'create_main_cluster = false\n',
  mode: 0o644,
};
/** invoke-rc.d asks it before it starts a service; 101 means no. */
const NO_START = {
  dir: '/usr/sbin',
  file: '/usr/sbin/policy-rc.d',
  text: '#!/bin/sh\nexit 101\n',
  mode: 0o755,
};

/**
 * Installs what the needs name, as root on a Debian-like system; elsewhere returns at once, and the caller
 * says what is missing. What can be done without is installed on its own, so that an archive without it fails alone.
 */
export async function installDebian(missing, say) {
  if (process.getuid?.() !== 0 || !(await isDebian())) return;
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) =>
    runQuietly('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], { env: environment });

  say(`installing Debian packages: ${packagesOf(missing).join(' ')}`);
  await apt('update', '-q');
  const undo = [await place(NO_MAIN_CLUSTER), await place(NO_START)];
  try {
    const dispensable = missing.filter(isDispensable);
    for (const needs of [missing.filter((need) => !isDispensable(need)), dispensable]) {
      if (needs.length === 0) continue;
      try {
        await apt('install', '-y', '-q', '--no-install-recommends', ...packagesOf(needs));
      } catch (error) {
        if (!(error instanceof SetupError) || !needs.every(isDispensable)) throw error;
        say(error.message);
      }
    }
  } finally {
    for (const remove of undo) await remove();
  }
  const services = missing.flatMap((need) => need.services ?? []);
  if (services.length > 0 && (await exists('/run/systemd/system'))) {
    say(
      `not started now, but enabled for the next boot: ${services.join(', ')}; to change that: systemctl disable ${services.join(' ')}`,
    );
  }
}

/** Writes a file that apt's scripts shall find, unless the machine has its own; gives back what removes it. */
async function place({ dir, file, text, mode }) {
  await mkdir(dir, { recursive: true });
  try {
    await writeFile(file, text, { mode, flag: 'wx' });
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return async () => {};
  }
  return () => rm(file, { force: true });
}

const isDebian = async () =>
  (await exists('/etc/debian_version')) && (await hasProgram('apt-get', ['/usr/bin', '/bin']));

const exists = (file) =>
  access(file).then(
    () => true,
    () => false,
  );
