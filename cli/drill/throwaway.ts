import { readFile } from 'node:fs/promises';
import { StowageError } from '../../backup-set/base/errors.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import { fileOf } from '../../backup-set/restore/order-bodies.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { globalStatements } from '../../database/globals/statements.ts';
import { type LocalServer, startLocalServers } from '../../database/local-server/local-server.ts';
import { withMaintenanceSession } from '../../database/session/maintenance.ts';
import { quoteIdentifier, quoteLiteral } from '../../database/session/quote.ts';
import { readPart } from '../../functions/stored/read-part.ts';
import { readText } from '../../segment-shipper/read/read-text.ts';
import type { OpenSet } from '../read-set/open-set.ts';

/**
 * As on a server with rows that matter, so that the times of a drill are those of a restore. The
 * demo's settings flush nothing.
 */
const DURABLE = { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' };

/**
 * Empty servers that only this user reaches, by a socket in a folder of mode 0700. A guard process
 * deletes each with its folder when this process dies.
 * @throws StowageError `database/tool` when the programs are missing, or as root without the system
 * user `postgres`.
 */
export async function startThrowaway(
  count: number,
  binDir: string | undefined,
): Promise<readonly LocalServer[]> {
  await requireUser();
  return startLocalServers(count, {
    isSocketOnly: true,
    settings: DURABLE,
    ...(binDir !== undefined && { binDir }),
  });
}

/** Rows of the set must not be readable by another system user. */
async function requireUser(): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '');
  if (/^postgres:/m.test(users)) return;
  throw new StowageError(
    'database/tool',
    'PostgreSQL does not run as root, and there is no system user "postgres" to run it: start the drill as another user, or create that user',
  );
}

/**
 * Creates the roles and tablespaces of the set by name only: without passwords and rights, and
 * with folders of the throwaway server. It does not run the globals of the set, whose tablespaces
 * have the folders of the source, which can be on this host.
 */
export async function prepareThrowaway(
  { deps, store, manifest, keys }: OpenSet,
  contents: readonly number[],
  servers: readonly LocalServer[],
  signal: AbortSignal,
): Promise<void> {
  for (const [at, server] of servers.entries()) {
    const content = contents[at] ?? COORDINATOR;
    const isThere = manifest.contents.some((each) => each.content === content);
    const hasCoordinator = manifest.contents.some((each) => each.content === COORDINATOR);
    if (!isThere && !hasCoordinator) continue;
    const part = await readPart(deps, manifest, hasCoordinator ? COORDINATOR : content);
    if (!part.ok)
      throw new StowageError('set/damaged', describeProblem(part.failure), {
        where: { set: manifest.timestamp, content },
      });
    const globals = fileOf(part.value, 'globals.sql.zst');
    if (globals === undefined) continue;
    const made = { ROLE: new Set<string>(), TABLESPACE: new Set<string>() };
    for (const { effect, named } of globalStatements(
      await readText(store, globals, { signal, keys }),
      globals.key,
    ))
      if (effect.kind === 'makes' && effect.object !== 'PARAMETER')
        made[effect.object].add(named(effect.name));
    await create(server, made, signal);
  }
}

async function create(
  server: LocalServer,
  { ROLE: roles, TABLESPACE: tablespaces }: Record<'ROLE' | 'TABLESPACE', ReadonlySet<string>>,
  signal: AbortSignal,
): Promise<void> {
  const target = { ...server, content: 0, database: 'postgres', sslmode: 'disable' as const };
  await withMaintenanceSession(target, signal, async (session) => {
    for (const role of roles)
      if (role !== server.user) await session.query(`CREATE ROLE ${quoteIdentifier(role)}`);
    let number = 0;
    for (const name of tablespaces) {
      const folder = await server.makeFolder(`tablespace-${++number}`);
      await session.query(
        `CREATE TABLESPACE ${quoteIdentifier(name)} LOCATION ${quoteLiteral(folder)}`,
      );
    }
  });
}
