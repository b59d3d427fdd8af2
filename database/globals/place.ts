import type { ConnectionTarget } from '../flavour.ts';
import { openMaintenanceSession } from '../session/maintenance.ts';

/**
 * The database in which the globals of a server are dumped and restored. Names of roles have the
 * encoding of the database that created them, mostly UTF8, and a database with another encoding
 * cannot read or create all of them: then it is a maintenance database, if the role may use one.
 */
export async function globalsTarget(
  target: ConnectionTarget,
  encoding: string,
  signal: AbortSignal,
): Promise<ConnectionTarget> {
  if (encoding === 'UTF8' || target.greenplum !== undefined) return target;
  try {
    const session = await openMaintenanceSession(target, {
      purpose: 'probe',
      applicationName: 'stowage globals',
      signal,
    });
    await session.close();
    return session.target;
  } catch {
    signal.throwIfAborted();
    return target;
  }
}
