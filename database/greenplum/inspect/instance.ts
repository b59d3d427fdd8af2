import { attempt, type ServerCheck } from '../../inspect/check.ts';
import { checkConnections } from '../../inspect/connections.ts';
import { checkDefinitions } from '../../inspect/definitions.ts';
import { checkEncryption } from '../../inspect/encryption.ts';
import { checkRights } from '../../inspect/rights.ts';
import { checkClock, checkLockTable, checkOtherSessions } from '../../inspect/server.ts';
import type { Session } from '../../session/session.ts';
import type { GreenplumVersion } from '../topology.ts';
import { traitsOf } from '../versions.ts';
import { rightsQuery } from './rights.ts';

/** The checks that every instance gets, coordinator and segments, each in a utility session. */
export async function inspectInstance(
  session: Session,
  asked: {
    readonly version: GreenplumVersion;
    /** How many connections a backup opens on this instance. */
    readonly connections: number;
    /** False when the database does not exist and the session is in another one. */
    readonly isDatabase: boolean;
    readonly clock: () => Date;
  },
): Promise<ServerCheck[]> {
  const { version, connections, isDatabase, clock } = asked;
  const isCoordinator = session.target.content === -1;
  const checkDatabase = async () => [
    await attempt('rights', () => checkRights(session, rightsQuery(version, isCoordinator))),
    ...(isCoordinator ? [await attempt('definitions', () => checkDefinitions(session))] : []),
    await attempt('lock table', () => checkLockTable(session)),
  ];
  return [
    checkEncryption(session),
    ...(isDatabase ? await checkDatabase() : []),
    await attempt('connections', () =>
      checkConnections(session, { needed: connections, isClient: traitsOf(version).isClient }),
    ),
    await attempt('other stowage sessions', () => checkOtherSessions(session)),
    await attempt('clock', () => checkClock(session, clock)),
  ];
}
