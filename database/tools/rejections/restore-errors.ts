import { type MessageLine, restoreMessages } from '../messages/restore-messages.ts';
import { type Rejections, rejectedEntries } from './rejected-entries.ts';

/** What pg_restore has reported, when it goes on after errors. */
export interface RestoreReport extends Rejections {
  /** It came to its end, and every error was the server's answer to one entry. */
  readonly isComplete: boolean;
  /** The first error that was something else, such as a lost connection. */
  readonly fatal: string | undefined;
  /** The errors that it says it has ignored. */
  readonly counted: number;
  /** It had errors that were not read: entries are missing in `rejected`. */
  readonly lost: boolean;
}

const ENTRY = /^(?:Error )?from TOC entry (\d+);/;
const LAUNCHED = /^launching item (\d+) /;
/** Two blanks follow the severity, which servers translate. FATAL and PANIC end the session. */
const REJECTED = /^(?:could not |COPY failed |error returned by ).*?: ((?!FATAL|PANIC)\S+: {2}.*)$/;
/** Before 12, it stands without the program's name. */
const ENDED = /^(?:WARNING: )?errors ignored on restore: (\d+)$/;
/** Since 12 with `error:`, before with `[archiver]`. */
const FATAL = /^(?:error|fatal|\[)/;
const BEFORE_ENTRY = /^(?:Error )?while /;
/** Lines of a server's message that say what to do; the others repeat the statement. */
const KEPT = /^(?:DETAIL|HINT): /;
/** libpq adds it to a message when the session has ended; it is not translated. */
const LOST =
  /^(?:server closed the connection|SSL connection has been closed|could not (?:receive|send))/;
const COMMAND = /^\s*Command was: /;

/**
 * Reads what pg_restore prints on stderr with --verbose and without --exit-on-error: an entry, then
 * the server's error.
 */
export function restoreErrors() {
  const messages = restoreMessages();
  const entries = rejectedEntries();
  let counted: number | undefined;
  let fatal: string | undefined;
  /** The message of the last error may continue on the next line. */
  let isOpen = false;

  const extend = (line: string) => {
    if (COMMAND.test(line)) isOpen = false;
    if (!isOpen) return;
    if (LOST.test(line)) fatal ??= line;
    if (KEPT.test(line)) entries.extend(line.trim());
  };
  const takeLine = ({ isFirst, level, text }: MessageLine) => {
    const [, ended] = ENDED.exec(text) ?? [];
    if (ended !== undefined && (isFirst || text.startsWith('WARNING'))) counted = Number(ended);
    else if (!isFirst) extend(text);
    else {
      const [, entry] = ENTRY.exec(text) ?? [];
      const [, launched] = LAUNCHED.exec(text) ?? [];
      const [, answer] = REJECTED.exec(text) ?? [];
      if (entry !== undefined) entries.expect(Number(entry));
      else if (launched !== undefined) entries.launch(Number(launched));
      else if (answer !== undefined) {
        isOpen = entries.reject(answer.trim());
        if (!isOpen) fatal ??= answer.trim();
      } else if (FATAL.test(level) && !BEFORE_ENTRY.test(text)) fatal ??= text;
    }
  };
  return {
    take: (chunk: string): void => messages.take(chunk).forEach(takeLine),
    end(): RestoreReport {
      messages.end().forEach(takeLine);
      const lost =
        messages.owesError() || entries.isExpected() || (counted ?? 0) > entries.countedMax();
      return {
        ...entries.list(),
        isComplete: counted !== undefined && fatal === undefined && !lost,
        fatal,
        counted: counted ?? 0,
        lost: counted !== undefined && lost,
      };
    },
  };
}
