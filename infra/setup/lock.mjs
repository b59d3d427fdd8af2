import { mkdir, rename, rmdir, stat, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from './setup-error.mjs';

/**
 * Runs `work` while no other process does so in this checkout. The lock is an empty directory,
 * which git ignores. Its holder renews its time, so a killed holder is detected, also in another
 * container.
 * @throws SetupError (exit 1) when the lock is not free after `waitMs`.
 */
export async function withLock(
  dir,
  print,
  work,
  { waitMs = 300_000, renewMs = 2_000, staleMs = 20_000, pollMs = 250 } = {},
) {
  const deadline = Date.now() + waitMs;
  for (let attempt = 0; !(await take(dir)); attempt += 1) {
    if (attempt === 0) print('waiting: another setup is running in this directory');
    if (Date.now() > deadline)
      throw new SetupError(
        1,
        `another setup holds the lock ${dir}. If no other setup is running, remove it: rmdir ${dir}`,
      );
    if (await isStale(dir, staleMs)) await breakLock(dir, staleMs);
    else await sleep(pollMs);
  }
  const renewal = setInterval(
    () => void utimes(dir, new Date(), new Date()).catch(() => {}),
    renewMs,
  );
  try {
    return await work();
  } finally {
    clearInterval(renewal);
    await rmdir(dir).catch(() => {});
  }
}

async function take(dir) {
  try {
    await mkdir(dir);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

const isStale = async (dir, staleMs) => {
  const found = await stat(dir).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > staleMs;
};

/**
 * Moves the lock aside before removing it: of several waiters that found it stale, one succeeds.
 */
async function breakLock(dir, staleMs) {
  const aside = `${dir}.${process.pid}`;
  try {
    await rename(dir, aside);
  } catch {
    return; // another waiter was first
  }
  // Meanwhile another waiter may have broken the lock and taken it: then it is not stale, and is
  // moved back.
  if (await isStale(aside, staleMs)) await rmdir(aside);
  else await rename(aside, dir).catch(() => rmdir(aside));
}
