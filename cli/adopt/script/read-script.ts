import { type Strings, statementEnd } from './statement-end.ts';
import { UnsoundScript } from './unsound.ts';

/** What a script of pg_dump consists of, in its order. */
export type ScriptPart =
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'statement'; readonly text: string }
  | {
      readonly kind: 'copy';
      readonly text: string;
      /**
       * As they are in the script, without the line that ends them. Any chunks, not whole rows. The
       * consumer must read them to their end before it takes the next part.
       */
      readonly rows: AsyncGenerator<Buffer>;
    };

/** More than any definition has: bounds the memory of a file that is not a script. */
const STATEMENT_BYTES_MAX = 64 * 1024 * 1024;
const END = Buffer.from('\\.\n');
const END_LATER = Buffer.from('\n\\.\n');
const BLANKS = /[ \t\n\r\f\v]*/y;
const SET_STRINGS = /^SET standard_conforming_strings = '?(on|off)'?;$/;

/**
 * Reads a script. Texts have one character per byte (latin1). Only the line `\.` ends the rows of a
 * COPY, whatever the rows look like. A command of psql (`\connect`) is a statement without its line
 * end. Memory depends on the longest statement, not on the rows.
 * @throws UnsoundScript when the script ends inside a statement or inside rows.
 */
export async function* readScript(
  chunks: AsyncIterable<Buffer>,
  strings: Strings = { standard: true },
): AsyncGenerator<ScriptPart> {
  const source = bytesOf(chunks);
  for (;;) {
    const text = await nextText(source, () => strings);
    if (text === undefined) return;
    if (text.startsWith('--')) {
      yield { kind: 'comment', text: text.replace(/\r?\n$/, '') };
      continue;
    }
    if (text.startsWith('\\')) {
      yield { kind: 'statement', text: text.trimEnd() };
      continue;
    }
    const [, value] = SET_STRINGS.exec(text) ?? [];
    if (value !== undefined) strings = { standard: value === 'on' };
    if (!text.startsWith('COPY ')) {
      yield { kind: 'statement', text };
      continue;
    }
    const state: RowsState = { ended: false, error: undefined };
    yield { kind: 'copy', text, rows: keepingError(rowsOf(source, text, state), state) };
    if (state.error !== undefined) throw state.error;
    // Rows that were not read must never be read as statements.
    if (!state.ended) throw new Error(`the rows of ${firstLine(text)} were not read to their end`);
  }
}

/** The bytes at hand, and the rest of the script. */
interface Source {
  readonly rest: Buffer;
  /** Adds a chunk. False: there is none. */
  more(): Promise<boolean>;
  /** `rest` as text. Many short statements of a chunk do not make it again. */
  text(): string;
  skip(bytes: number): void;
}

function bytesOf(chunks: AsyncIterable<Buffer>): Source {
  const iterator = chunks[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  let text: string | undefined;
  return {
    get rest() {
      return rest;
    },
    async more() {
      const next = await iterator.next();
      if (next.done === true) return false;
      rest = rest.length === 0 ? next.value : Buffer.concat([rest, next.value]);
      text = undefined;
      return true;
    },
    text() {
      text ??= rest.toString('latin1');
      return text;
    },
    skip(bytes) {
      rest = rest.subarray(bytes);
      text = text?.slice(bytes);
    },
  };
}

/** The next statement or comment line; undefined at the end. */
async function nextText(source: Source, strings: () => Strings): Promise<string | undefined> {
  for (let tried = 0; ; ) {
    // Twice as much as before: a long statement is not read from its beginning for each chunk.
    while (source.rest.length < tried * 2) if (!(await source.more())) break;
    const text = source.text();
    BLANKS.lastIndex = 0;
    const start = BLANKS.exec(text)?.[0].length ?? 0;
    const end = start === text.length ? undefined : endOf(text, start, strings());
    if (end !== undefined) {
      source.skip(end);
      return text.slice(start, end);
    }
    if (text.length > STATEMENT_BYTES_MAX) throw new UnsoundScript('a statement has no end');
    tried = start === text.length ? 0 : text.length;
    if (start === text.length) source.skip(start);
    if (await source.more()) continue;
    if (source.rest.length === 0) return undefined;
    throw new UnsoundScript('the script ends inside a statement');
  }
}

function endOf(text: string, start: number, strings: Strings): number | undefined {
  if (text[start] === '-' && start + 1 === text.length) return undefined;
  const isLine = text.startsWith('--', start) || text[start] === '\\';
  if (!isLine) return statementEnd(text, start, strings);
  const end = text.indexOf('\n', start);
  return end === -1 ? undefined : end + 1;
}

interface RowsState {
  ended: boolean;
  error: Error | undefined;
}

/** The reader of the rows sees it first; the reader of the script sees the same one. */
async function* keepingError(
  rows: AsyncIterable<Buffer>,
  state: RowsState,
): AsyncGenerator<Buffer> {
  try {
    yield* rows;
  } catch (error) {
    if (error instanceof Error) state.error = error;
    throw error;
  }
}

async function* rowsOf(source: Source, copy: string, state: RowsState): AsyncGenerator<Buffer> {
  const cut = () => new UnsoundScript(`the script ends inside the rows of ${firstLine(copy)}`);
  while (source.rest.length < 1) if (!(await source.more())) throw cut();
  if (source.rest[0] !== 0x0a)
    throw new UnsoundScript(`no line break follows ${firstLine(copy)}: line ends were converted`);
  source.skip(1);
  let isLineStart = true;
  for (;;) {
    const { rest } = source;
    const isOver = isLineStart && rest.subarray(0, END.length).equals(END);
    const found = isOver ? 0 : rest.indexOf(END_LATER) + 1;
    if (isOver || found > 0) {
      source.skip(found + END.length);
      if (found > 0) {
        refuseOtherEnds(rest.subarray(0, found), isLineStart, copy);
        yield rest.subarray(0, found);
      }
      state.ended = true;
      return;
    }
    const kept = beginningOfEnd(rest, isLineStart);
    const ready = rest.subarray(0, rest.length - kept);
    refuseOtherEnds(ready, isLineStart, copy);
    source.skip(ready.length);
    if (ready.length > 0) {
      isLineStart = ready.at(-1) === 0x0a;
      yield ready;
    }
    if (!(await source.more())) throw cut();
  }
}

/** How many of the last bytes may be the beginning of the line that ends the rows. */
function beginningOfEnd(rest: Buffer, isLineStart: boolean): number {
  for (const length of [2, 1]) {
    const at = rest.length - length;
    if (at < 0 || !rest.subarray(at).equals(END.subarray(0, length))) continue;
    if (at === 0 ? isLineStart : rest[at - 1] === 0x0a) return length;
  }
  return 0;
}

/** COPY never writes `\.` into a row: such a line is an end whose line break was changed. */
function refuseOtherEnds(rows: Buffer, isLineStart: boolean, copy: string): void {
  const begins = isLineStart && rows[0] === END[0] && rows[1] === END[1];
  if (begins || rows.indexOf(OTHER_END) !== -1)
    throw new UnsoundScript(
      `a line of the rows of ${firstLine(copy)} begins with \\. and does not end there: line ends were converted`,
    );
}

const OTHER_END = Buffer.from('\n\\.');

const firstLine = (text: string) => JSON.stringify(text.split('\n')[0] ?? '');
