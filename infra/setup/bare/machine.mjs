/** The bare Debian of `npm run test:install`, which debootstrap makes once outside the checkout. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { runQuietly } from '../run.mjs';

const SUITE = 'bookworm';
/** In the name of the folder: a machine of an older list is made again. */
const MACHINE = `${SUITE}-3`;
const MIRROR = 'http://deb.debian.org/debian';

/** test/support/install/bare-machine.ts looks for it there. */
const folderOf = (environment) =>
  path.join(
    environment.XDG_CACHE_HOME || path.join(homedir(), '.cache'),
    'stowage-install',
    MACHINE,
  );

/** Makes it unless it is there: 600 MB, some minutes. It appears only when it is complete. */
export async function makeBareMachine(print) {
  const folder = folderOf(process.env);
  if (existsSync(folder)) return;
  print(`making a bare Debian in ${folder}`);
  await mkdir(path.dirname(folder), { recursive: true });
  const made = await mkdtemp(`${folder}.new-`);
  try {
    // It becomes /, where the user postgres runs initdb while the package is installed.
    await chmod(made, 0o755);
    const include = '--include=postgresql,postgresql-client,openssh-client,systemd-sysv,dbus';
    await runQuietly('debootstrap', ['--variant=minbase', include, SUITE, made, MIRROR]);
    await rename(made, folder);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}
