import { mkdir, rename, rmdir, stat, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from './setup-error.mjs';

/**
 * Runs `work` while no other process on this tree does. The lock is an empty directory (git does not see it) whose time
 * its holder renews: so a holder that was killed is noticed, also when it ran in another container.
 * @throws SetupError (exit 1) when the lock is not free after `waitMs`.
 */
export async function withLock(
  dir,
  say,
  work,
  { waitMs = 300_000, renewMs = 2_000, staleMs = 20_000, pollMs = 250 } = {},
) {
  const deadline = Date.now() + waitMs;
  for (let attempt = 0; !(await take(dir)); attempt += 1) {
    if (attempt === 0) say('waiting for another setup of this directory');
    if (Date.now() > deadline)
      throw new SetupError(1, `another setup holds ${dir}; if none runs: rmdir ${dir}`);
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

/** Moves the lock aside before removing it: of several waiters that found it stale, one succeeds. */
async function breakLock(dir, staleMs) {
  const aside = `${dir}.${process.pid}`;
  try {
    await rename(dir, aside);
  } catch {
    return; // another waiter was first
  }
  // Between our look and our move another waiter may have broken it and taken it: then it is not stale, and goes back.
  if (await isStale(aside, staleMs)) await rmdir(aside);
  else await rename(aside, dir).catch(() => rmdir(aside));
}
