import { readFile } from 'node:fs/promises';

/**
 * The user that a temporary server runs as, as in database/local-server/data.ts; `{}` = this one.
 */
export async function serverUser() {
  if (process.getuid?.() !== 0) return {};
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const users = passwd.split('\n').map((line) => line.split(':'));
  const user =
    users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  return user === undefined ? {} : { uid: Number(user[2]), gid: Number(user[3]) };
}
