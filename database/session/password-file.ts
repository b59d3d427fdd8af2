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
  const file = env['PGPASSFILE'] ?? join(homedir(), '.pgpass');
  try {
    const { mode } = await stat(file);
    return (mode & 0o077) === 0 ? passwordIn(await readFile(file, 'utf8'), target) : undefined;
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
