import { execFileSync } from 'node:child_process';
import { access, chown, constants, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const PROGRAMS = {
  'ceph-mon': 'ceph-mon',
  'ceph-osd': 'ceph-osd',
  radosgw: 'radosgw',
  ceph: 'ceph-common',
  monmaptool: 'ceph-base',
} as const;

/** @throws Error naming the Debian packages that are missing. */
export async function requireCommands(): Promise<void> {
  const missing = new Set<string>();
  for (const [program, debianPackage] of Object.entries(PROGRAMS)) {
    if (!(await isOnPath(program))) missing.add(debianPackage);
  }
  if (missing.size === 0) return;
  const install =
    'apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common ceph-base';
  throw new Error(
    `Ceph packages are missing: ${[...missing].join(', ')}. Install them: ${install}`,
  );
}

async function isOnPath(program: string): Promise<boolean> {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    const found = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The user for the servers: an unprivileged one when we are root, otherwise the current user. */
export function unprivilegedUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** Makes `user` the owner of a folder and of its direct entries. */
export async function chownFolder(dir: string, user: User | undefined): Promise<void> {
  if (user === undefined) return;
  await chown(dir, user.uid, user.gid);
  for (const name of await readdir(dir)) await chown(join(dir, name), user.uid, user.gid);
}
