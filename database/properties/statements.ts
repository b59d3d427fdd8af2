import { type Token, tokensOf, UnknownText } from '../globals/tokens.ts';
import { quoteIdentifier } from '../session/quote.ts';

/** A statement that gives a database one of its properties. */
export interface PropertyStatement {
  /** For the database of the target. */
  readonly sql: string;
  /** What it concerns, without values: `ALTER DATABASE shop SET search_path`. */
  readonly what: string;
  readonly kind: 'setting' | 'connection-limit' | 'right' | 'authorization';
  /** Of a connection limit. */
  readonly limit?: number;
}

/** What pg_dump --create and pg_dumpall write about a database; `$` is its name. */
const NAME = '(?:"id"|[A-Z_][A-Z0-9_]*)';
const NAMES = `${NAME}(?: \\. ${NAME})*`;
const VALUE = `(?:'s'|-? ?0|${NAME})`;
const VALUES = `${VALUE}(?: , ${VALUE})*`;
const KINDS = (
  [
    ['setting', `ALTER DATABASE \\$ SET (?!TABLESPACE)${NAMES} (?:TO|=) ${VALUES}`],
    ['setting', `ALTER ROLE ${NAME} IN DATABASE \\$ SET ${NAMES} (?:TO|=) ${VALUES}`],
    ['connection-limit', 'ALTER DATABASE \\$ (?:WITH )?CONNECTION LIMIT(?: =)?(?: -)? 0'],
    ['setting', `ALTER DATABASE \\$ IS_TEMPLATE = ${NAME}`],
    ['setting', "COMMENT ON DATABASE \\$ IS (?:'s'|NULL)"],
    ['setting', `SECURITY LABEL FOR (?:${NAME}|'s') ON DATABASE \\$ IS 's'`],
    [
      'right',
      `(?:GRANT|REVOKE)(?: ,| [A-Z]+)+ ON DATABASE \\$ (?:TO|FROM) ${NAME}(?: WITH GRANT OPTION| CASCADE)?`,
    ],
    ['authorization', `SET SESSION AUTHORIZATION ${NAME}`],
    ['authorization', 'RESET SESSION AUTHORIZATION'],
  ] as const
).map(([kind, shape]) => [kind, new RegExp(`^${shape}$`)] as const);

/** A text that is not the properties of a database. */
export class UnknownProperty extends Error {}

/**
 * The statements of a text of pg_dump about one database, for the database `target` of the restore.
 * The text comes from a segment host: statements of another kind are refused.
 * @throws UnknownProperty
 */
export function propertyStatements(text: string, target: string): PropertyStatement[] {
  const statements: PropertyStatement[] = [];
  let tokens: Token[] = [];
  try {
    for (const token of tokensOf(text, { standardStrings: true })) {
      if (token.text !== ';') tokens.push(token);
      else {
        statements.push(statementOf(text, tokens, token.at, target));
        tokens = [];
      }
    }
  } catch (error) {
    if (error instanceof UnknownText) throw new UnknownProperty(error.message, { cause: error });
    throw error;
  }
  if (tokens.length > 0) throw new UnknownProperty('the last statement has no end');
  return statements;
}

function statementOf(
  text: string,
  tokens: readonly Token[],
  end: number,
  target: string,
): PropertyStatement {
  const words = tokens.map(({ kind, text: word }) => SHAPES[kind] ?? word.toUpperCase());
  const at = words.indexOf('DATABASE') + 1;
  const name = at === 0 ? undefined : tokens[at];
  if (name !== undefined) words[at] = '$';
  const shape = words.join(' ');
  const [kind] = KINDS.find(([, pattern]) => pattern.test(shape)) ?? [];
  const start = tokens[0]?.at ?? end;
  const own = quoteIdentifier(target);
  const told = (until: number) =>
    name === undefined || name.at >= until
      ? text.slice(start, until)
      : `${text.slice(start, name.at)}${own}${text.slice(name.at + name.text.length, until)}`;
  if (kind === undefined)
    throw new UnknownProperty(`${JSON.stringify(text.slice(start, start + 60))} is unknown`);
  // A value may be a secret.
  const value = tokens.find((_, place) => /^(?:TO|=|IS)$/.test(words[place] ?? ''));
  const isOpen = kind === 'right' || kind === 'connection-limit';
  const what = told(isOpen ? end : (value?.at ?? end)).trim();
  const number = Number(tokens.at(-1)?.text) * (tokens.at(-2)?.text === '-' ? -1 : 1);
  const limit = kind === 'connection-limit' ? { limit: number } : {};
  return { sql: told(end), what, kind, ...limit };
}

const SHAPES: Partial<Record<Token['kind'], string>> = { name: '"id"', string: "'s'", number: '0' };
