import pino, { type Logger } from 'pino';
import { withOwnMessage } from '../../../backup-set/messages/log-error.ts';
import { redacted, redactor } from '../../../backup-set/messages/secrets.ts';
import { linesOf } from './lines.ts';

/** The log of a command, on standard error: JSON for a program, lines for a person. */
export function newLog(level: string, isRead: boolean): Logger {
  const file = pino.destination({ fd: 2, sync: true });
  const destination = isRead ? linesOf(file) : file;
  // A closed terminal makes the log fail too; `watch` ends the run.
  file.on('error', () => undefined);
  return pino(
    {
      name: 'stowage',
      level,
      serializers: { err: withOwnMessage(pino.stdSerializers.err) },
    },
    redacted(destination, redactor(process.env)),
  );
}
