/** Inspects the machine; changes nothing. */
import { access, constants, readdir } from 'node:fs/promises';
import path from 'node:path';
import { majorOf } from './needs.mjs';
import { outputOf } from './run.mjs';

/** Debian's folders of servers, which are not in the PATH of an ordinary user. */
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
    const version = await outputOf(path.join(dir, need.programs[0]), ['--version']);
    if (version !== undefined) return majorOf(version) >= need.minMajor;
  }
  return false;
}

/** The directories that match a pattern with at most one `*`, such as `/a/*` + `/b`. */
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
