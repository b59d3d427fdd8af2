import { openSession, type Session } from '../session/session.ts';
import type { WitnessPlace } from './provider.ts';

/** Runs work in a session outside the snapshot. */
export async function withSession<Result>(
  { target, signal }: WitnessPlace,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const session = await openSession(target, {
    purpose: 'probe',
    applicationName: 'stowage backup witness',
    signal,
  });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/**
 * From here on no statement of the session takes longer: a busy server has much to read.
 * @throws StowageError when it takes too long.
 */
export async function checkpoint(session: Session, waitMs: number): Promise<void> {
  using _ = session.mayBeSilent();
  await session.query(`SET statement_timeout = ${Math.ceil(waitMs)}`);
  await session.query('CHECKPOINT');
}
