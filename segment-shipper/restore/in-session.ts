import { openSession, type Session } from '../../database/session/session.ts';
import type { ShipperDeps } from '../deps.ts';
import type { RestoreJob } from '../protocol/control.ts';

/**
 * Runs something in a session of its own on the target. An interruptedError cuts the session: a statement that waits for a lock, or
 * analyzes for minutes, would not notice it.
 */
export async function inSession(
  order: { readonly timestamp: string; readonly content: number },
  job: RestoreJob,
  { signal }: ShipperDeps,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const applicationName = `stowage restore ${order.timestamp} content ${order.content}`;
  const session = await openSession(job.target, { purpose: 'restore', applicationName, signal });
  const cut = () => void session.destroy();
  signal.addEventListener('abort', cut, { once: true });
  try {
    await work(session);
  } finally {
    signal.removeEventListener('abort', cut);
    await session.close();
  }
}
