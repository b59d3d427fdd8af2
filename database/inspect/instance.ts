import { messageOf } from '../../backup-set/base/errors.ts';
import type { GreenplumVersion } from '../greenplum/topology.ts';
import type { Session } from '../session/session.ts';
import { checkRights } from './rights.ts';
import { checkClock, checkLockTable, checkOtherSessions, type ServerCheck } from './server.ts';

/** What every instance of a Greenplum is asked, the coordinator and each segment, in a utility session of its own. */
export async function inspectInstance(
  session: Session,
  asked: {
    readonly version: GreenplumVersion;
    /** How many a backup opens here, in all. */
    readonly connections: number;
    /** False when the database is not there, and this is a session of another one. */
    readonly isDatabase: boolean;
    readonly clock: () => Date;
  },
): Promise<ServerCheck[]> {
  const { version, connections, isDatabase, clock } = asked;
  const isCoordinator = session.target.content === -1;
  const ofDatabase = async () => [
    await attempt('rights', () => checkRights(session, version, isCoordinator)),
    await attempt('lock table', () => checkLockTable(session)),
  ];
  return [
    ...(isDatabase ? await ofDatabase() : []),
    await attempt('connections', () => checkConnections(session, version, connections)),
    await attempt('other stowage sessions', () => checkOtherSessions(session)),
    await attempt('clock', () => checkClock(session, clock)),
  ];
}

/** One question that fails must not keep the others from being asked. */
export async function attempt(
  name: string,
  check: () => Promise<ServerCheck>,
): Promise<ServerCheck> {
  try {
    return await check();
  } catch (error) {
    return { name, ok: false, detail: messageOf(error) };
  }
}

/** Up to 6 pg_stat_activity lists nothing but clients and autovacuum, and has no column to tell them apart. */
async function checkConnections(
  session: Session,
  { major }: GreenplumVersion,
  needed: number,
): Promise<ServerCheck> {
  const clients = major < 7 ? 'true' : "backend_type = 'client backend'";
  const [row] = await session.query<{ most: number; used: number }>(
    `SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most,
            (SELECT count(*)::int FROM pg_stat_activity WHERE ${clients}) AS used`,
  );
  const { most = 0, used = 0 } = row ?? {};
  const detail = `${used} of ${most} in use; a backup needs ${needed}`;
  return { name: 'connections', ok: most - used >= needed, detail };
}
