import { StowageError } from '../../backup-set/base/errors.ts';
import { decoderOf } from '../objects/encodings.ts';
import { type Effect, effectOf, mayBeInTransaction } from './effect.ts';
import { type Token, type TokensOptions, tokensOf, UnknownText } from './tokens.ts';

/** One statement of a set's globals, of a kind that pg_dumpall writes. */
export interface GlobalStatement {
  /** In the encoding that an earlier `SET client_encoding` names; without the semicolon. */
  readonly bytes: Buffer;
  /** Where it begins, counted from 1. */
  readonly line: number;
  readonly effect: Effect;
  readonly mayBeInTransaction: boolean;
  /** Decodes a name of the effect. */
  named(written: string): string;
}

const SHOWN_CHARS_MAX = 60;
/** More than any statement of pg_dumpall has: bounds the memory. */
const STATEMENT_TOKENS_MAX = 10_000;

/**
 * The kinds of statements of `pg_dumpall --globals-only`, of PostgreSQL and Greenplum. A statement
 * is compared as its words in upper case, with `"id"` for a quoted name, `'s'` for a literal and
 * `0` for a number. No kind can read or write rows or files, or run a program.
 */
const NAME = '(?:"id"|[A-Z_][A-Z0-9_]*)';
const NAMES = `${NAME}(?: \\. ${NAME})*`;
const VALUE = `(?:'s'|-? ?0|${NAME})`;
const KINDS = [
  `SET (?:DEFAULT_TRANSACTION_READ_ONLY|STANDARD_CONFORMING_STRINGS|ESCAPE_STRING_WARNING) = (?:ON|OFF)`,
  `SET CLIENT_ENCODING = 's'`,
  `SET SESSION AUTHORIZATION ${NAME}`,
  'RESET SESSION AUTHORIZATION',
  `CREATE ROLE ${NAME}`,
  // A set has no passwords: with one, a role of the target would get a new password.
  `ALTER ROLE ${NAME} WITH(?: (?!PASSWORD 's')[^ ]+)+`,
  `ALTER ROLE ${NAME} DENY BETWEEN DAY 0 TIME 's' AND DAY 0 TIME 's'`,
  `ALTER ROLE ${NAME}(?: IN DATABASE ${NAME})? SET ${NAMES} (?:TO|=) ${VALUE}(?: , ${VALUE})*`,
  // Greenplum: when a role may not log in.
  `ALTER ROLE ${NAME} DENY BETWEEN DAY 0 TIME 's' AND DAY 0 TIME 's'`,
  `GRANT ${NAME} TO ${NAME}(?: WITH(?: ,| ${NAME})+)?(?: GRANTED BY ${NAME})?`,
  `(?:GRANT|REVOKE)(?: ,| [A-Z]+)+ ON (?:TABLESPACE|PARAMETER) ${NAMES} (?:TO|FROM) ${NAME}(?: WITH GRANT OPTION| CASCADE)?`,
  `COMMENT ON (?:ROLE|TABLESPACE|RESOURCE QUEUE|RESOURCE GROUP) ${NAME} IS (?:'s'|NULL)`,
  `SECURITY LABEL FOR (?:${NAME}|'s') ON (?:ROLE|TABLESPACE) ${NAME} IS 's'`,
  `CREATE TABLESPACE ${NAME}(?: OWNER ${NAME})? LOCATION 's'(?: WITH \\( .+ \\))?`,
  `ALTER TABLESPACE ${NAME} (?:OWNER TO ${NAME}|SET \\( .+ \\))`,
  `(?:CREATE|ALTER) RESOURCE (?:QUEUE|GROUP) ${NAME} .+`,
].map((kind) => new RegExp(`^${kind}$`));

/**
 * The statements of a set's globals. It refuses a text that pg_dumpall cannot have written, because
 * the text comes from a segment host and runs with the rights of the restore. So a caller reads all
 * statements once before it runs the first.
 * @throws StowageError `set/unreadable` with the line and the object.
 */
export function* globalStatements(globals: Buffer, object: string): Generator<GlobalStatement> {
  const text = globals.toString('latin1');
  const options: TokensOptions = { standardStrings: true };
  const lineAt = lineCounter(text);
  let tokens: Token[] = [];
  let decode = decoderOf('UTF8');
  try {
    for (const token of tokensOf(text, options)) {
      if (token.text !== ';') {
        if (tokens.push(token) <= STATEMENT_TOKENS_MAX) continue;
        throw new UnknownText(`a statement has more than ${STATEMENT_TOKENS_MAX} words`, token.at);
      }
      const at = tokens[0]?.at ?? token.at;
      const shape = shapeOf(tokens);
      if (!KINDS.some((kind) => kind.test(shape))) throw unknownStatement(text, at, token.at);
      if (shape.startsWith('SET STANDARD_CONFORMING_STRINGS '))
        options.standardStrings = shape.endsWith('ON');
      const encoding = /^SET client_encoding = '(.*)'$/i.exec(text.slice(at, token.at))?.[1];
      if (encoding !== undefined) decode = decoderOf(encoding);
      const statement = tokens;
      tokens = [];
      yield {
        bytes: globals.subarray(at, token.at),
        line: lineAt(at),
        effect: effectOf(statement),
        mayBeInTransaction: mayBeInTransaction(statement),
        named: (written) => decode(Buffer.from(unquoted(written), 'latin1')) ?? unquoted(written),
      };
    }
    const [rest] = tokens;
    if (rest !== undefined) throw new UnknownText('the last statement has no end', rest.at);
  } catch (error) {
    if (!(error instanceof UnknownText)) throw error;
    const line = lineCounter(text)(error.at);
    const message = `line ${line} of the globals ${object} was refused: ${error.message}`;
    throw new StowageError('set/unreadable', message, { cause: error, where: { object } });
  }
}

const unquoted = (name: string) =>
  name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;

function shapeOf(tokens: readonly Token[]): string {
  const shapes = { name: '"id"', string: "'s'", number: '0' } as const;
  return tokens
    .map(({ kind, text }) =>
      kind === 'word' || kind === 'symbol' ? text.toUpperCase() : shapes[kind],
    )
    .join(' ');
}

function unknownStatement(text: string, at: number, end: number): UnknownText {
  const shown = JSON.stringify(text.slice(at, Math.min(end, at + SHOWN_CHARS_MAX)));
  return new UnknownText(`${shown} is not a statement that pg_dumpall --globals-only writes`, at);
}

/** The line of an offset; offsets must not decrease, so that the text is read once. */
function lineCounter(text: string): (at: number) => number {
  let line = 1;
  let next = text.indexOf('\n');
  return (at) => {
    for (; next !== -1 && next < at; next = text.indexOf('\n', next + 1)) line++;
    return line;
  };
}
