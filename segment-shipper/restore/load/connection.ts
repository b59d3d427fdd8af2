import { openSession, type Session } from '../../../database/session/session.ts';
import { suspendTriggers } from '../../../database/target/relations.ts';
import { type ShipperDeps, silenceNote } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';

/** A worker's connection to the target: opened on first use, then used for all its relations. */
export interface RestoreConnection {
  readonly applicationName: string;
  /** @throws StowageError as `openSession`; `database/denied` when triggers cannot be suspended. */
  open(): Promise<Session>;
  /** Destroys the session after a failure; the next `open` makes a new one. */
  drop(): Promise<void>;
  close(): Promise<void>;
}

export function restoreConnection(
  { target }: RestoreJob,
  applicationName: string,
  deps: ShipperDeps,
): RestoreConnection {
  let session: Session | undefined;
  return {
    applicationName,
    async open() {
      if (session !== undefined) return session;
      const opened = await openSession(target, {
        purpose: 'restore',
        applicationName,
        signal: deps.signal,
        onSilence: silenceNote(deps),
      });
      try {
        await suspendTriggers(opened);
      } catch (error) {
        await opened.close();
        throw error;
      }
      session = opened;
      // A session that breaks between two relations fails neither of them.
      opened.lost.catch(() => {
        if (session === opened) session = undefined;
      });
      return opened;
    },
    async drop() {
      const dropped = session;
      session = undefined;
      await dropped?.destroy();
    },
    async close() {
      await session?.close();
    },
  };
}
