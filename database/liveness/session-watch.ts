import { watchSilence } from '../../async/watch/silence.ts';
import type { StowageError } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { lookAt, type Probe } from './backend.ts';
import { aliveNote, isAlive, type Silent, stalledError, stallMsOf } from './stalled.ts';

/** How the watch sees one open connection. */
export interface WatchedSession {
  readonly target: ConnectionTarget;
  /** The statement that the server has not answered yet; undefined when it owes no answer. */
  awaited(): { readonly doing: string; readonly mayBeSilent: boolean } | undefined;
  /** Changes with every byte in either direction. */
  bytes(): string;
  pid(): number;
  openProbe(signal: AbortSignal): Promise<Probe>;
  /** Ends the connection; whatever waits for it fails with this error. */
  end(error: StowageError): void;
  /** Says that the watch goes on after a silence. */
  note(text: string): void;
}

/** Ends a connection whose server owes an answer and has stalled (docs/operations.md). */
export function watchSession(session: WatchedSession): Disposable {
  const { target } = session;
  const stallMs = stallMsOf(target);
  const look = () => (session.awaited() === undefined ? undefined : session.bytes());
  return watchSilence({
    afterMs: stallMs,
    look,
    onSilent: async (silentMs) => {
      const awaited = session.awaited();
      const before = session.bytes();
      if (awaited === undefined) return;
      const silent: Silent = { target, silentMs, ...awaited };
      const seen = await lookAt(session.openProbe, { pid: session.pid() }, stallMs);
      // The answer has come meanwhile.
      if (look() !== before) return;
      if (isAlive(seen, silent)) session.note(aliveNote(silent, seen));
      else session.end(stalledError(silent, seen));
    },
  });
}
