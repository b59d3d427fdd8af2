import type { TextFilter } from '../../async/child-process.ts';
import { type MessageLine, restoreMessages } from './messages/restore-messages.ts';

/** What `pg_restore --verbose` says about its work. */
export interface ObjectsMade {
  /** Objects that are made. */
  readonly done: number;
  /** The object that was begun last: `INDEX public.t_pkey`. */
  readonly current: string;
  /** Entries that several connections make now, by their ids; none where one makes all. */
  readonly running: readonly number[];
}

const CREATING = /^creating (.+)$/;
const LAUNCHED = /^launching item (\d+) /;
const FINISHED = /^finished item (\d+) /;
const PROGRESS = /^(?:\w+ing |finished |skipped |(?:entering|finished) main parallel loop)/;

/** Reads the text as it comes, in chunks of any length. */
export function objectLines(onObject: (made: ObjectsMade) => void): (text: string) => void {
  const reader = restoreMessages();
  let begun = 0;
  const running = new Set<number>();
  return (chunk) => {
    for (const { isFirst, text } of reader.take(chunk)) {
      if (!isFirst) continue;
      const [, object] = CREATING.exec(text) ?? [];
      const launched = LAUNCHED.exec(text)?.[1];
      const finished = FINISHED.exec(text)?.[1];
      if (launched !== undefined) running.add(Number(launched));
      if (finished !== undefined) running.delete(Number(finished));
      if (object === undefined) continue;
      begun += 1;
      const done = Math.max(0, begun - Math.max(1, running.size));
      onObject({ done, current: object.replaceAll('"', ''), running: [...running] });
    }
  };
}

/** What an error message quotes of pg_restore: all but the lines about work that went well. */
export function quotedText(): TextFilter {
  const reader = restoreMessages();
  const quote = (lines: readonly MessageLine[]) =>
    lines.filter(isQuoted).map((line) => `${nameOf(line)}${line.text}\n`);
  return {
    take: (chunk) => quote(reader.take(chunk)).join(''),
    end: () => quote(reader.end()).join(''),
  };
}

function isQuoted({ isFirst, level, text }: MessageLine): boolean {
  return !isFirst || level !== '' || !PROGRESS.test(text);
}

function nameOf({ isFirst, level }: MessageLine): string {
  return isFirst ? `pg_restore: ${level}` : '';
}
