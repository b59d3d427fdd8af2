/** What `pg_restore --verbose` says about its work. */
export interface ObjectsMade {
  /** Objects that are made. */
  readonly done: number;
  /** The object that was begun last: `INDEX public.t_pkey`. */
  readonly current: string;
}

const CREATING = /^pg_restore: creating (.+)$/;
const LAUNCHED = /^pg_restore: launching item /;
const FINISHED = /^pg_restore: finished item /;
/** An error has one of these words, and its lines tell where it happened. */
const FAILURE = /^pg_restore: (?:error|warning|fatal|hint|detail|while|from TOC|\[)/i;
const PROGRESS =
  /^pg_restore: (?:\w+ing |finished |skipped |(?:entering|finished) main parallel loop)/;

/** Reads the lines as they come, in pieces of any length. */
export function objectLines(onObject: (made: ObjectsMade) => void): (text: string) => void {
  let rest = '';
  let begun = 0;
  let running = 1;
  let launched = 0;
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, object] = CREATING.exec(line) ?? [];
      if (LAUNCHED.test(line)) running = Math.max(1, ++launched);
      if (FINISHED.test(line)) running = Math.max(1, --launched);
      if (object === undefined) continue;
      begun += 1;
      onObject({ done: Math.max(0, begun - running), current: object.replaceAll('"', '') });
    }
  };
}

/** Whether an error message quotes a line: not when it tells of work that went well. */
export function isQuoted(line: string): boolean {
  return FAILURE.test(line) || !PROGRESS.test(line);
}
