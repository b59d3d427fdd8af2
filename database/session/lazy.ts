import type { StowageError } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';

/** A session that is opened when it is first asked for: most work never needs it. */
export interface LazySession {
  /** @throws StowageError as `openSession`; the next call tries again. */
  get(): Promise<Session>;
  /** As `Session.close`. A session that was never opened is not opened any more. */
  close(): Promise<void>;
  /** As `Session.destroy`. */
  destroy(reason?: StowageError): Promise<void>;
}

export function lazySession(target: ConnectionTarget, options: SessionOptions): LazySession {
  const over = new AbortController();
  const { signal = over.signal } = options;
  let opened: Promise<Session> | undefined;
  const open = () =>
    openSession(target, { ...options, signal: AbortSignal.any([signal, over.signal]) });
  const end = async (how: (session: Session) => Promise<void>) => {
    over.abort();
    await opened?.then(how, () => undefined);
  };
  return {
    get: () => {
      opened ??= open().catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      return opened;
    },
    close: () => end((session) => session.close()),
    destroy: (reason) => end((session) => session.destroy(reason)),
  };
}
