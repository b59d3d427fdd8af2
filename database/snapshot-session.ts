import type { ConnectionTarget } from './flavour.ts';
import { quoteLiteral } from './quote.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';

/**
 * A session that sees exactly what the held snapshot sees; any number of them may read one segment at once.
 * @throws StowageError as `openSession`; `database/failed` when the snapshot is no longer held.
 */
export async function attachSnapshot(
  target: ConnectionTarget,
  snapshotId: string,
  options: SessionOptions,
): Promise<Session> {
  const session = await openSession(target, options);
  try {
    await session.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshotId)}`,
    );
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}
