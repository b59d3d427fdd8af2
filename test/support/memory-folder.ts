import {
  access,
  chmod,
  constants,
  mkdtemp,
  readdir,
  rm,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
/** The id of the process that made the folder follows. */
const PREFIX = 'stowage-test-';
/** Four workers have some twenty servers of 60 MB, and tests with 1 GiB of rows. */
const FREE_BYTES_MIN = 8 * 1024 ** 3;

/**
 * Vitest's global set-up: where memory is large enough, the tests keep their temporary files in
 * it. ext4 does not use an inode again for a minute. The thousand files of each server make it
 * search for a free one, so that a new server takes three times the CPU.
 */
export default async function useMemory(): Promise<(() => Promise<void>) | undefined> {
  // The user's choice, or that of the project before.
  if (process.env['TMPDIR'] !== undefined || process.availableMemory() < FREE_BYTES_MIN)
    return undefined;
  await removeOfKilledRuns();
  const folder = await mkdtemp(join(MEMORY, `${PREFIX}${process.pid}-`)).catch(() => undefined);
  if (folder === undefined) return undefined;
  const remove = () => rm(folder, { recursive: true, force: true });
  if (!(await isFit(folder))) {
    await remove();
    return undefined;
  }
  process.env['TMPDIR'] = folder;
  return async () => {
    delete process.env['TMPDIR'];
    await remove();
  };
}

/** Large enough; its files may be executed; other users may make files in it, as in /tmp. */
async function isFit(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < FREE_BYTES_MIN) return false;
  await chmod(folder, 0o1777);
  const program = join(folder, 'program');
  await writeFile(program, '', { mode: 0o700 });
  const mayRun = await exists(program, constants.X_OK);
  await rm(program);
  return mayRun;
}

/** A run that is killed leaves its folder, which holds memory until the next boot. */
async function removeOfKilledRuns(): Promise<void> {
  for (const name of await readdir(MEMORY).catch(() => [])) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !(await exists(`/proc/${pid}`)))
      await rm(join(MEMORY, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

const exists = (path: string, mode?: number) =>
  access(path, mode).then(
    () => true,
    () => false,
  );
