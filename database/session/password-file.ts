import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionTarget } from '../flavour.ts';

/**
 * The password that libpq would use: the target's, PGPASSWORD, or the first matching line of
 * ~/.pgpass (PGPASSFILE). As in libpq, a password file that other users may read is ignored.
 */
export async function findPassword(
  target: ConnectionTarget,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  if (target.password !== undefined) return target.password;
  if (env['PGPASSWORD'] !== undefined) return env['PGPASSWORD'];
  const found = await readPasswordFile(target, env);
  return found?.isPrivate === true ? found.password : undefined;
}

/**
 * Why the password file is not used although it has the password: libpq ignores a file that other
 * users may read, and so does Stowage. Undefined when that is not so.
 */
export async function ignoredPasswordFile(
  target: ConnectionTarget,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  if (target.password !== undefined || env['PGPASSWORD'] !== undefined) return undefined;
  const found = await readPasswordFile(target, env);
  if (found === undefined || found.isPrivate || found.password === undefined) return undefined;
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
  return `the password in ${found.file} is ignored, because its group or other users may use the file (mode ${mode}): chmod 600 ${found.file}`;
}

async function readPasswordFile(target: ConnectionTarget, env: NodeJS.ProcessEnv) {
  const file = env['PGPASSFILE'] ?? join(homedir(), '.pgpass');
  try {
    const { mode } = await stat(file);
    const password = passwordIn(await readFile(file, 'utf8'), target);
    return { file, mode, isPrivate: (mode & 0o077) === 0, password };
  } catch {
    return undefined;
  }
}

/**
 * `host:port:database:user:password`, where `*` matches anything and `\` escapes a colon or itself.
 */
export function passwordIn(content: string, target: ConnectionTarget): string | undefined {
  const wanted = [target.host, String(target.port), target.database, target.user];
  for (const line of content.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = [...line.matchAll(/((?:\\.|[^\\:])*)(?::|$)/g)].map(([, field]) =>
      (field ?? '').replace(/\\(.)/g, '$1'),
    );
    const password = fields[4];
    if (
      password !== undefined &&
      password !== '' &&
      wanted.every((value, index) => fields[index] === '*' || fields[index] === value)
    )
      return password;
  }
  return undefined;
}
