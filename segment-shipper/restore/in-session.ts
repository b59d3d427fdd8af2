import { onAbort } from '../../async/abort.ts';
import { openSession, type Session } from '../../database/session/session.ts';
import { type ShipperDeps, silenceNote } from '../deps.ts';
import type { RestoreJob } from '../protocol/control.ts';
import { labelOf } from './locks.ts';

/**
 * Runs `work` in its own session on the target. The signal destroys the session, because a
 * statement that waits for a lock, or analyzes for minutes, would not notice it.
 */
export async function inSession(
  order: { readonly timestamp: string; readonly content: number },
  job: RestoreJob,
  deps: ShipperDeps,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const { signal } = deps;
  const session = await openSession(job.target, {
    purpose: 'restore',
    applicationName: labelOf(order),
    signal,
    onSilence: silenceNote(deps),
  });
  try {
    using _ = onAbort(signal, () => void session.destroy());
    await work(session);
  } finally {
    await session.close();
  }
}
