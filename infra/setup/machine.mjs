/** Looks at the machine; changes nothing. */
import { execFile } from 'node:child_process';
import { access, constants, readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { majorOf } from './needs.mjs';

/** Debian keeps servers where an ordinary user's PATH does not look. */
const SERVER_DIRS = ['/usr/sbin', '/sbin', '/usr/local/sbin'];

/** The needs that this machine does not meet. */
export async function absent(needs, searchPath = process.env.PATH ?? '') {
  const found = await Promise.all(needs.map((need) => isMet(need, searchPath)));
  return needs.filter((_, index) => !found[index]);
}

/** True when a program of this name can be run from one of the directories. */
export async function hasProgram(name, dirs) {
  const found = await Promise.all(dirs.map((dir) => isExecutable(path.join(dir, name))));
  return found.includes(true);
}

async function isMet(need, searchPath) {
  const everywhere = [
    ...searchPath.split(path.delimiter).filter((dir) => path.isAbsolute(dir)),
    ...SERVER_DIRS,
  ];
  const own = (await Promise.all((need.dirs ?? []).map(expand))).flat();
  for (const dirs of [...own.map((dir) => [dir]), everywhere]) {
    const found = await Promise.all(need.programs.map((name) => hasProgram(name, dirs)));
    if (found.every(Boolean) && (await isNewEnough(need, dirs))) return true;
  }
  return false;
}

async function isNewEnough(need, dirs) {
  if (need.minMajor === undefined) return true;
  for (const dir of dirs) {
    const version = await promisify(execFile)(path.join(dir, need.programs[0]), [
      '--version',
    ]).catch(() => undefined);
    if (version !== undefined) return majorOf(version.stdout) >= need.minMajor;
  }
  return false;
}

/** `/a/*` + `/b` → the directories that are there. */
async function expand(pattern) {
  const [before, after] = pattern.split('*');
  if (after === undefined) return [pattern];
  const names = await readdir(before).catch(() => []);
  return names.map((name) => `${before}${name}${after}`);
}

const isExecutable = (file) =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
