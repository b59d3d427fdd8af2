import type { ConnectionTarget } from '../flavour.ts';
import { sqlStateOf } from './database-error.ts';
import { openSession, type Session } from './session.ts';

/** Where one connects to ask about databases; at least one of them is on every server. */
const MAINTENANCE_DATABASES = ['postgres', 'template1'] as const;

/** Asks a server something that does not depend on the target's database, which may not be there yet. */
export async function withMaintenanceSession<T>(
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
  ask: (session: Session) => Promise<T>,
): Promise<T> {
  const options = { purpose: 'restore', applicationName: 'stowage restore', signal } as const;
  const [first, second] = MAINTENANCE_DATABASES;
  const session = await openSession({ ...target, database: first }, options).catch(
    (error: unknown) => {
      if (sqlStateOf(error) !== '3D000') throw error;
      return openSession({ ...target, database: second }, options);
    },
  );
  try {
    return await ask(session);
  } finally {
    await session.close();
  }
}
