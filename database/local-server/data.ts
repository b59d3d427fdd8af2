import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeExit, runToEnd } from '../../async/child-process.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';

export const SUPERUSER = 'postgres';
const ERROR_CHARS_MAX = 2_000;

/** The user that the server runs as; empty = the current one. */
export interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

/** PostgreSQL refuses to run as root: then the server runs as `postgres`, or as `nobody`. */
export async function serverOwner(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {};
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const user =
    users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (user === undefined)
    throw new StowageError(
      'database/tool',
      'PostgreSQL does not run as root: create the operating system user "postgres"',
    );
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

/** The folder of one server: its data in `data`, its log, and for a moment a password file. */
export async function makeHome(owner: Owner): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'stowage-pg-'));
  await give(home, owner);
  return home;
}

/** A folder in the home of a server, for a tablespace. */
export async function makeFolder(home: string, name: string, owner: Owner): Promise<string> {
  const folder = join(home, name);
  await mkdir(folder, { mode: 0o700 });
  await give(folder, owner);
  return folder;
}

/** Creates the data with initdb. @throws StowageError `database/tool`. */
export async function initialise(
  binDir: string,
  home: string,
  owner: Owner,
  password: string | undefined,
): Promise<void> {
  const initdb = join(binDir, 'initdb');
  const args = ['-D', join(home, 'data'), '-U', SUPERUSER];
  args.push('--no-sync', '--encoding=UTF8', '--locale=C.UTF-8');
  if (password === undefined) {
    await run(initdb, [...args, '--auth=trust'], owner);
    return;
  }
  const file = join(home, 'password');
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  await give(file, owner);
  await run(initdb, [...args, '--auth=scram-sha-256', `--pwfile=${file}`], owner);
  await rm(file);
}

export function copyData(from: string, to: string, owner: Owner): Promise<void> {
  return run('cp', ['-a', join(from, 'data'), to], owner);
}

async function give(path: string, { uid, gid }: Owner): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid);
}

async function run(program: string, args: readonly string[], owner: Owner): Promise<void> {
  const ended = await runToEnd(program, args, {
    ...owner,
    cwd: '/',
    outputCharsMax: ERROR_CHARS_MAX,
  }).catch((error: unknown) => {
    const message = `${program} could not be started: ${messageOf(error)}`;
    throw new StowageError('database/tool', message, { cause: error });
  });
  if (ended.code !== 0)
    throw new StowageError(
      'database/tool',
      `${program} failed (${describeExit(ended)}): ${ended.stderr.trim()}`,
    );
}
