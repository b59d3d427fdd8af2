import type { ConnectionTarget } from '../../database/flavour.ts';
import { runGlobals } from '../../database/globals/run-globals.ts';
import { globalStatements } from '../../database/globals/statements.ts';
import { openSession } from '../../database/session/session.ts';

/** Restores globals as a restore does. */
export async function restoreGlobals(
  target: ConnectionTarget,
  globals: string | Buffer,
): Promise<void> {
  const statements = () => globalStatements(Buffer.from(globals), 'globals.sql.zst');
  for (const _ of statements());
  const session = await openSession(target, {
    purpose: 'restore',
    applicationName: 'stowage test',
  });
  try {
    await runGlobals(session, statements());
  } finally {
    await session.close();
  }
}
