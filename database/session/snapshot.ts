import type { ConnectionTarget } from '../flavour.ts';
import { type BackendFacts, backendFacts, requireOwnBackend } from './own-backend.ts';
import { quoteLiteral } from './quote.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';
import { localSettings } from './settings.ts';

/**
 * A session that sees exactly what the held snapshot sees; several may read one segment at once.
 * Without a snapshot id (a coordinator, which has no rows) it takes a snapshot of its own.
 * @throws StowageError as `openSession`; `database/failed` when the snapshot is no longer held.
 */
export async function attachSnapshot(
  target: ConnectionTarget,
  snapshotId: string | undefined,
  options: SessionOptions,
): Promise<Session> {
  const session = await openSession(target, options);
  try {
    const attach =
      snapshotId === undefined ? '' : `; SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshotId)}`;
    await session.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY${attach}; ${localSettings(session.serverVersion)}`,
    );
    const [facts] = await session.query<BackendFacts>(backendFacts(session.serverVersion));
    requireOwnBackend(target, session.pid, facts);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}
