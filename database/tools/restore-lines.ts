/** What `pg_restore --verbose` says about its work. */
export interface ObjectsMade {
  /** Objects that are made. */
  readonly done: number;
  /** The object that was begun last: `INDEX public.t_pkey`. */
  readonly current: string;
  /** Entries that several connections make now, by their ids; none where one makes all. */
  readonly running: readonly number[];
}

const CREATING = /^pg_restore: creating (.+)$/;
const LAUNCHED = /^pg_restore: launching item (\d+) /;
const FINISHED = /^pg_restore: finished item (\d+) /;
/** An error has one of these words, and its lines tell where it happened. */
const FAILURE = /^pg_restore: (?:error|warning|fatal|hint|detail|while|from TOC|\[)/i;
const PROGRESS =
  /^pg_restore: (?:\w+ing |finished |skipped |(?:entering|finished) main parallel loop)/;

/** Reads the lines as they come, in pieces of any length. */
export function objectLines(onObject: (made: ObjectsMade) => void): (text: string) => void {
  let rest = '';
  let begun = 0;
  const running = new Set<number>();
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, object] = CREATING.exec(line) ?? [];
      const launched = LAUNCHED.exec(line)?.[1];
      const finished = FINISHED.exec(line)?.[1];
      if (launched !== undefined) running.add(Number(launched));
      if (finished !== undefined) running.delete(Number(finished));
      if (object === undefined) continue;
      begun += 1;
      const done = Math.max(0, begun - Math.max(1, running.size));
      onObject({ done, current: object.replaceAll('"', ''), running: [...running] });
    }
  };
}

/** Whether an error message quotes a line: not when it tells of work that went well. */
export function isQuoted(line: string): boolean {
  return FAILURE.test(line) || !PROGRESS.test(line);
}
