import type { ChildProcessByStdio } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { watchSilence } from '../../async/watch/silence.ts';
import type { StowageError } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { lookAt } from '../liveness/backend.ts';
import { aliveNote, isAlive, type Silent, stalledError, stallMsOf } from '../liveness/stalled.ts';
import { openSession } from '../session/session.ts';

export interface WatchedTool {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly name: string;
  readonly target: ConnectionTarget;
  /** The application name of its connections, which no other program has. */
  readonly application: string;
  /** It builds indexes, for example: a statement may run for hours. */
  readonly mayBeSilent: boolean;
  readonly onSilence?: ((note: string) => void) | undefined;
  /** Called once, when the program has stalled. */
  end(error: StowageError): void;
}

/**
 * Watches a program that prints nothing while it works: after `stallSeconds` without output, the
 * server is asked what the program's connections do.
 */
export function watchTool(tool: WatchedTool): Disposable {
  const { child, target, name, application, mayBeSilent } = tool;
  const stallMs = stallMsOf(target);
  const outputs = [child.stdout, child.stderr] as Readable[];
  const look = () => {
    // The program waits for us: its output is not read.
    const isOurTurn = child.stdout.isPaused() || child.stdout.readableLength > 0;
    return isOurTurn ? undefined : outputs.map((pipe) => (pipe as Socket).bytesRead).join(' ');
  };
  return watchSilence({
    afterMs: stallMs,
    look,
    onSilent: async (silentMs) => {
      const before = look();
      const silent: Silent = { target, silentMs, mayBeSilent, doing: name, isProgram: true };
      const applicationName = `stowage ${name} probe`;
      const seen = await lookAt(
        (signal) =>
          openSession(target, { purpose: 'probe', applicationName, signal, isUnwatched: true }),
        { application },
        stallMs,
      );
      if (look() !== before || child.exitCode !== null || child.signalCode !== null) return;
      if (isAlive(seen, silent)) tool.onSilence?.(aliveNote(silent, seen));
      else tool.end(stalledError(silent, seen));
    },
  });
}

/** The server truncates application names to 63 bytes; the number makes this one unique. */
export function uniqueApplication(applicationName: string): string {
  programs += 1;
  return `${applicationName.slice(0, NAME_CHARS_MAX)} ${process.pid}.${programs}`;
}

let programs = 0;
const NAME_CHARS_MAX = 51;
