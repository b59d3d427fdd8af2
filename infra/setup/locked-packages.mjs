/** Pure: compares the installed npm packages with package-lock.json. */
import { createHash } from 'node:crypto';
import path from 'node:path';

/**
 * Changes with the lock file and the platform: two machines may share a checkout, but not binaries.
 */
export const stampOf = (lockText, platform, arch) =>
  `${createHash('sha256').update(lockText).digest('hex')} ${platform} ${arch}\n`;

/**
 * True when npm's record of installed packages has exactly the packages of the lock file, in their
 * versions.
 */
export function holds(installedText, lockText) {
  if (installedText === undefined) return false;
  const installed = JSON.parse(installedText).packages;
  const locked = JSON.parse(lockText).packages;
  return (
    Object.entries(installed).every(
      ([name, found]) => locked[name] !== undefined && isSame(found, locked[name]),
    ) &&
    Object.entries(locked).every(
      ([name, wanted]) => name === '' || wanted.optional || installed[name] !== undefined,
    )
  );
}

const isSame = (a, b) => a.version === b.version && a.integrity === b.integrity;

/** A search path without the directories below `dir`. */
export const pathWithout = (searchPath, dir) =>
  searchPath
    .split(path.delimiter)
    .filter((entry) => entry !== dir && !entry.startsWith(dir + path.sep))
    .join(path.delimiter);
