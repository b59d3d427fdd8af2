import { redactor } from '../../backup-set/messages/secrets.ts';
import { type Screen, screenOf } from './table/screen.ts';
import { shortened } from './table/width.ts';

/** Where a command prints: its result on standard output, events on standard error. */
export interface Output {
  readonly json: boolean;
  /** True when standard error is a terminal that can redraw lines. */
  readonly live: boolean;
  /** The reader's screen for results: tables are made for it (`table/table.ts`). */
  readonly screen: Screen;
  /** The terminal on which lines are redrawn. */
  readonly drawnOn: Screen;
  /** The result: `value` as one JSON document, or `text` for people. */
  result(value: unknown, text: string): void;
  /** An event: a JSON line with --json, else `text` as a line, if there is one. */
  note(event: string, fields: Readonly<Record<string, unknown>>, text?: string): void;
  /** Replaces the lines drawn before; on a live terminal only. */
  draw(lines: readonly string[]): void;
}

export interface Streams {
  readonly out: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly err: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
}

/** `beforeResult` is called before the result is written. */
export function newOutput(
  { out, err }: Streams,
  json: boolean,
  clock: () => Date,
  beforeResult: () => void = () => undefined,
  env: Readonly<Record<string, string | undefined>> = {},
): Output {
  const live = err.isTTY === true && !json;
  const drawnOn = screenOf(err, env);
  const redact = redactor(env);
  let drawn = 0;
  const erase = () => {
    if (drawn > 0) err.write(`\u001b[${drawn}A\u001b[0J`);
    drawn = 0;
  };
  return {
    json,
    live,
    screen: screenOf(out, env),
    drawnOn,
    result(value, text) {
      beforeResult();
      erase();
      out.write(redact(json ? `${JSON.stringify(value)}\n` : `${text.trimEnd()}\n`));
    },
    note(event, fields, text) {
      if (json) {
        const line = JSON.stringify({ at: clock().toISOString(), event, ...fields });
        err.write(redact(`${line}\n`));
      } else if (text !== undefined) {
        erase();
        err.write(redact(`${text}\n`));
      }
    },
    draw(lines) {
      if (!live) return;
      erase();
      // A line that fills the last column may continue on the next line.
      const width = Math.min(drawnOn.columns, err.columns ?? 80) - 1;
      for (const line of lines) err.write(`${shortened(redact(line), width)}\n`);
      drawn = lines.length;
    },
  };
}
