/** An entry of an archive that the server has rejected, by its id in the archive. */
export interface RejectedEntry {
  readonly id: number;
  /** The server's message, such as `ERROR:  function unaccent(text) does not exist`. */
  readonly message: string;
}

/** The entries that were rejected: one each, bounded; `rejectedTotal` counts all. */
export interface Rejections {
  readonly rejected: readonly RejectedEntry[];
  readonly rejectedTotal: number;
}

export const NO_REJECTIONS: Rejections = { rejected: [], rejectedTotal: 0 };

/** What pg_restore has reported, when it goes on after errors. */
export interface RestoreReport extends Rejections {
  /** It came to its end, and every error was the server's answer to one entry. */
  readonly isComplete: boolean;
  /** The first error that was something else, such as a lost connection. */
  readonly fatal: string | undefined;
}

const REJECTED_MAX = 1000;
const MESSAGE_CHARS_MAX = 1000;
/** Longer lines are of the statements that pg_restore repeats. */
const LINE_CHARS_MAX = 8000;

/** Several jobs print side by side: one can print the prefix twice, and another none. */
const PREFIX = /^\s*(?:pg_restore:\s*)*(?:\[[^\]]*\]\s*)?/;
const ENTRY = /^(?:Error )?from TOC entry (\d+);/;
/** Two blanks follow the severity, which servers translate. FATAL and PANIC end the session. */
const REJECTED =
  /^(?:error:\s*)*(?:could not |COPY failed |error returned by ).*?: ((?!FATAL|PANIC)\S+: {2}.*)$/;
const ENDED = /^(?:warning:\s*|WARNING:\s*)?errors ignored on restore: \d+$/;
/** Since 12 with `error:`, before with `[archiver]`. */
const FATAL = /^\s*(?:pg_restore:\s*)+(?:(?:error|fatal):|\[[^\]]*\]) */;
const BEFORE_ENTRY = /^(?:Error )?while /;
/** Lines of a server's message that say what to do; the others repeat the statement. */
const KEPT = /^(?:DETAIL|HINT): /;
/** libpq adds it to a message when the session has ended; it is not translated. */
const LOST =
  /^(?:server closed the connection|SSL connection has been closed|could not (?:receive|send))/;
const COMMAND = /^\s*Command was: /;

/**
 * Reads what pg_restore prints on stderr with --verbose and without --exit-on-error: an entry, then
 * the server's error. Each error belongs to the entry that waits longest.
 */
export function restoreErrors() {
  const rejected = new Map<number, string>();
  const waiting: number[] = [];
  let [rejectedTotal, rest, hasEnded] = [0, '', false];
  let last: number | undefined;
  let fatal: string | undefined;
  /** The entry whose message may continue on the next line. */
  let open: number | undefined;

  const reject = (message: string) => {
    last = waiting.shift() ?? last;
    open = undefined;
    if (last === undefined) fatal ??= message;
    if (last === undefined || rejected.has(last)) return;
    rejectedTotal += 1;
    if (rejected.size >= REJECTED_MAX) return;
    rejected.set(last, message.slice(0, MESSAGE_CHARS_MAX));
    open = last;
  };
  const extend = (line: string) => {
    if (COMMAND.test(line)) open = undefined;
    if (open !== undefined && LOST.test(line)) fatal ??= line;
    if (open === undefined || !KEPT.test(line)) return;
    const longer = `${rejected.get(open) ?? ''}. ${line.trim()}`;
    rejected.set(open, longer.slice(0, MESSAGE_CHARS_MAX));
  };
  const takeLine = (line: string) => {
    const text = line.replace(PREFIX, '');
    const [, entry] = ENTRY.exec(text) ?? [];
    const [, answer] = REJECTED.exec(text) ?? [];
    if (entry !== undefined) waiting.push(Number(entry));
    else if (answer !== undefined) reject(answer.trim());
    else if (ENDED.test(text)) hasEnded = true;
    else if (FATAL.test(line) && !BEFORE_ENTRY.test(text)) fatal ??= text;
    else extend(line);
  };
  return {
    take(chunk: string): void {
      const lines = (rest + chunk).split('\n');
      rest = (lines.pop() ?? '').slice(0, LINE_CHARS_MAX);
      for (const line of lines) takeLine(line.slice(0, LINE_CHARS_MAX));
    },
    end(): RestoreReport {
      if (rest !== '') takeLine(rest);
      rest = '';
      return {
        rejected: [...rejected].map(([id, message]) => ({ id, message })),
        rejectedTotal,
        isComplete: hasEnded && fatal === undefined,
        fatal,
      };
    },
  };
}
