/** Installs Debian packages. Starts no service and creates no PostgreSQL cluster. */
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { hasProgram } from './machine.mjs';
import { isOptional, packagesOf } from './needs.mjs';
import { runQuietly } from './run.mjs';
import { SetupError } from './setup-error.mjs';

/** Keeps postgresql-common from creating and starting the cluster "main" on port 5432. */
const NO_MAIN_CLUSTER = {
  dir: '/etc/postgresql-common/createcluster.d',
  file: '/etc/postgresql-common/createcluster.d/stowage-setup.conf',
  text: 'create_main_cluster = false\n',
  mode: 0o644,
};
/** invoke-rc.d runs it before it starts a service; exit code 101 forbids the start. */
const NO_START = {
  dir: '/usr/sbin',
  file: '/usr/sbin/policy-rc.d',
  text: '#!/bin/sh\nexit 101\n',
  mode: 0o755,
};

/**
 * Installs the packages of the needs, as root on a Debian-like system; elsewhere it returns at
 * once, and the caller prints what is missing. Optional packages are installed in a second step, so
 * that an archive without them does not fail the first.
 */
export async function installDebian(missing, print) {
  if (process.getuid?.() !== 0 || !(await isDebian())) return;
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) =>
    runQuietly('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], { env: environment });

  print(`installing Debian packages: ${packagesOf(missing).join(' ')}`);
  await apt('update', '-q');
  const undo = [await place(NO_MAIN_CLUSTER), await place(NO_START)];
  try {
    const optional = missing.filter(isOptional);
    for (const needs of [missing.filter((need) => !isOptional(need)), optional]) {
      if (needs.length === 0) continue;
      try {
        await apt('install', '-y', '-q', '--no-install-recommends', ...packagesOf(needs));
      } catch (error) {
        if (!(error instanceof SetupError) || !needs.every(isOptional)) throw error;
        print(error.message);
      }
    }
  } finally {
    for (const remove of undo) await remove();
  }
  const services = missing.flatMap((need) => need.services ?? []);
  if (services.length > 0 && (await exists('/run/systemd/system'))) {
    print(
      `these services were not started, but start at the next boot: ${services.join(', ')}. To prevent that: systemctl disable ${services.join(' ')}`,
    );
  }
}

/** Writes a file for apt's scripts, unless it exists. @returns a function that removes it again. */
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
