import type { ConnectionTarget } from '../flavour.ts';
import { sqlStateOf } from './database-error.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';

/** Databases for questions about other databases; every server has at least one of them. */
const MAINTENANCE_DATABASES = ['postgres', 'template1'] as const;

/** Runs statements that do not depend on the target's database, which may not exist yet. */
export async function withMaintenanceSession<T>(
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
  ask: (session: Session) => Promise<T>,
  onSilence?: (note: string) => void,
): Promise<T> {
  const applicationName = 'stowage restore';
  const options = { purpose: 'restore', applicationName, signal, onSilence } as const;
  const session = await openMaintenanceSession(target, options);
  try {
    return await ask(session);
  } finally {
    await session.close();
  }
}

/** Opens a session in a maintenance database of the target's server. @throws as `openSession`. */
export function openMaintenanceSession(
  target: ConnectionTarget,
  options: SessionOptions,
): Promise<Session> {
  const [first, second] = MAINTENANCE_DATABASES;
  return openSession({ ...target, database: first }, options).catch((error: unknown) => {
    if (sqlStateOf(error) !== '3D000') throw error;
    return openSession({ ...target, database: second }, options);
  });
}
