import {
  AFTER_NAME,
  ENDS_JOBS,
  LEVEL_AT,
  MARK,
  NAME_AT,
  STARTS,
  STARTS_ENDED,
  STARTS_ERROR,
  STARTS_JOBS,
  STARTS_PLACE,
  STARTS_PROGRESS,
} from './restore-texts.ts';

/** A line of a message of pg_restore, without the program's name. */
export interface MessageLine {
  /** False: it goes on with the message before it, such as the statement of an error. */
  readonly isFirst: boolean;
  /** `error: `, or `[archiver (db)] ` before version 12; empty in lines about progress. */
  readonly level: string;
  readonly text: string;
}

/** Longer lines are of the statements that pg_restore repeats. */
const LINE_CHARS_MAX = 65_536;

/** What the level of an error begins with. */
const IS_ERROR = /^(?:error|fatal|\[)/;

/**
 * Cuts what pg_restore prints on stderr, in chunks of any length, into lines of messages.
 *
 * Its processes share one stderr without a buffer, and write one message in pieces: the program's
 * name, a blank, the level, then the text, 1024 bytes at a time. Pieces of several processes mix:
 * names stand doubled, a text comes without its name, two texts share a line. So the reader counts
 * the names whose text is still to come. Only while one is, a known text without a name begins a
 * message, and only while there are several jobs, one begins within a line: the statement that an
 * error repeats is not cut for less.
 */
export function restoreMessages() {
  let rest = '';
  let owed = 0;
  /** The levels whose text has not come. */
  const levels: string[] = [];
  /** Whether the message that came last is an error, which has further lines. */
  let inError = false;
  /** Whether jobs write side by side: of one process, no message begins within a line. */
  let hasJobs = false;

  /** The end of the names and levels that stand at a place. */
  const readMarks = (line: string, from: number): number => {
    for (let at = from; ; ) {
      NAME_AT.lastIndex = at;
      LEVEL_AT.lastIndex = at;
      const name = NAME_AT.exec(line);
      const level = name === null && owed > levels.length ? LEVEL_AT.exec(line) : null;
      if (name !== null) owed += 1;
      const found = level?.[1] ?? name?.[1];
      if (found !== undefined) levels.push(`${found.trim()} `);
      const [mark] = name ?? level ?? [];
      if (mark === undefined) return at;
      at += mark.length;
    }
  };
  /** Where another message, or a mark of one, stands within a line. */
  const findNext = (line: string, from: number): number => {
    if (!hasJobs) return line.length;
    for (const { 0: text, index, groups } of line.slice(from).matchAll(MARK)) {
      const at = from + index;
      if (groups?.['name'] !== undefined) {
        if (!inError || AFTER_NAME.test(line.slice(at + text.length))) return at;
        // A process has printed its name between two pieces of a long statement.
        owed += 1;
      } else if (owed > (groups?.['level'] === undefined ? 0 : levels.length)) return at;
    }
    return line.length;
  };
  const takeLevel = (text: string): string => {
    if (STARTS_PROGRESS.test(text)) return '';
    const fits = STARTS_PLACE.test(text) ? /^\[/ : STARTS_ENDED.test(text) ? /^w/ : IS_ERROR;
    const at = levels.findIndex((level) => fits.test(level));
    return at < 0 ? '' : (levels.splice(at, 1)[0] ?? '');
  };
  const isStart = (text: string, isMarked: boolean): boolean => {
    if (owed === 0) return false;
    if (STARTS.test(text) || (levels.length > 0 && STARTS_ERROR.test(text))) return true;
    // Of several jobs, it can be the next piece of a long statement.
    return isMarked && !hasJobs;
  };
  const cut = (line: string): MessageLine[] => {
    const lines: MessageLine[] = [];
    for (let at = 0; at < line.length; ) {
      const begin = readMarks(line, at);
      if (begin > at && line.slice(begin).trim() === '') break;
      const [known = ''] = STARTS.exec(line.slice(begin)) ?? [];
      if (isStart(line.slice(begin), begin > at)) {
        // Before the next text is looked for: what follows in this line is of another process.
        owed -= 1;
        const level = known === '' ? (levels.pop() ?? '') : takeLevel(known);
        inError = STARTS_ERROR.test(known) || (IS_ERROR.test(level) && !STARTS_PLACE.test(known));
        if (STARTS_JOBS.test(known)) hasJobs = true;
        if (ENDS_JOBS.test(known)) hasJobs = false;
        at = findNext(line, begin + known.length);
        lines.push({ isFirst: true, level, text: line.slice(begin, at).trim() });
        continue;
      }
      at = findNext(line, begin + known.length);
      const text = line.slice(begin, at);
      const last = lines.pop();
      if (last !== undefined) lines.push({ ...last, text: last.text + text });
      else lines.push({ isFirst: false, level: '', text });
    }
    return lines;
  };
  const cutLine = (line: string): MessageLine[] => {
    if (line.trim() !== '') return cut(line);
    return inError ? [{ isFirst: false, level: '', text: line }] : [];
  };
  return {
    take(chunk: string): MessageLine[] {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_CHARS_MAX) {
        lines.push(rest);
        rest = '';
      }
      return lines.flatMap(cutLine);
    },
    end(): MessageLine[] {
      const line = rest;
      rest = '';
      return line === '' ? [] : cutLine(line);
    },
    /** Whether an error was announced whose text has not come. */
    owesError: (): boolean => levels.some((level) => IS_ERROR.test(level)),
  };
}
