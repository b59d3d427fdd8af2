import { unquoted } from './copy-statement.ts';
import type { Strings } from './statement-end.ts';
import { UnsoundScript } from './unsound.ts';

/** An INSERT of pg_dump. Texts have one character per byte (latin1). */
export interface InsertStatement {
  readonly schema: string | undefined;
  readonly table: string;
  /** Undefined: it names none, and has a value for each column of the table. */
  readonly columns: readonly string[] | undefined;
  /** Of each row. `default`: the column is generated. */
  readonly rows: readonly (readonly InsertedValue[])[];
}

/** The text of a value as its type prints it; null: NULL. */
export type InsertedValue = string | null | typeof GENERATED;
export const GENERATED = Symbol('DEFAULT');

const NAME = '(?:[a-z_\\x80-\\xff][a-z0-9_$\\x80-\\xff]*|"(?:[^"]|"")+")';
const HEAD = new RegExp(
  `INSERT INTO (?:(${NAME})\\.)?(${NAME}) (?:\\((${NAME}(?:, ${NAME})*)\\) )?(?:OVERRIDING SYSTEM VALUE )?(VALUES|DEFAULT VALUES)`,
  'sy',
);
const NAMES = new RegExp(NAME, 'gs');
const BLANKS = /[ \t\n\r]*/y;
const BARE = /(?:-?[0-9.][0-9.eE+-]*|NULL|true|false|DEFAULT)(?=[,)\s])/y;
const BITS = /B'([01]*)'/y;
const QUOTED = /(E?)'/y;
const TAIL = /\s*(?:ON CONFLICT DO NOTHING)?;$/y;
const BARE_VALUES: Readonly<Record<string, InsertedValue>> = {
  NULL: null,
  DEFAULT: GENERATED,
  true: 't',
  false: 'f',
};

/** @throws UnsoundScript when pg_dump does not write it so. */
export function parseInsert(text: string, strings: Strings): InsertStatement {
  HEAD.lastIndex = 0;
  const [head = '', schema, table, columns, values] = HEAD.exec(text) ?? [];
  if (table === undefined) throw notInsert(text);
  let at = head.length;
  const rows: InsertedValue[][] = [];
  const found = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at += match[0].length;
    return match;
  };
  const isNext = (sign: string) => {
    found(BLANKS);
    if (text[at] !== sign) return false;
    at += 1;
    return true;
  };
  const value = (): InsertedValue => {
    found(BLANKS);
    const bare = found(BARE)?.[0];
    if (bare !== undefined) return bare in BARE_VALUES ? (BARE_VALUES[bare] ?? null) : bare;
    const bits = found(BITS)?.[1];
    if (bits !== undefined) return bits;
    const quote = found(QUOTED);
    if (quote === null) throw notInsert(text);
    const escapes = quote[1] !== '' || !strings.standard;
    const [literal, end] = literalAt(text, at, escapes);
    at = end;
    return literal;
  };
  if (values === 'DEFAULT VALUES') rows.push([]);
  else
    do {
      if (!isNext('(')) throw notInsert(text);
      const row: InsertedValue[] = [];
      if (!isNext(')')) {
        do row.push(value());
        while (isNext(','));
        if (!isNext(')')) throw notInsert(text);
      }
      rows.push(row);
    } while (isNext(','));
  if (found(TAIL) === null) throw notInsert(text);
  return {
    schema: schema === undefined ? undefined : unquoted(schema),
    table: unquoted(table),
    columns: columns?.match(NAMES)?.map(unquoted),
    rows,
  };
}

const SIMPLE: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** The literal whose first character is at `start`, and the offset behind its closing quote. */
function literalAt(text: string, start: number, escapes: boolean): [string, number] {
  let [literal, at] = ['', start];
  for (;;) {
    const quote = text.indexOf("'", at);
    const slash = escapes ? text.indexOf('\\', at) : -1;
    if (quote === -1) throw notInsert(text);
    if (slash === -1 || quote < slash) {
      literal += text.slice(at, quote);
      if (text[quote + 1] !== "'") return [literal, quote + 1];
      literal += "'";
      at = quote + 2;
      continue;
    }
    literal += text.slice(at, slash);
    const [length, value] = escapeAt(text, slash);
    literal += value;
    at = slash + length;
  }
}

/** The length of an escape, and its value. Codes of Unicode are not bytes: pg_dump has none. */
function escapeAt(text: string, slash: number): [number, string] {
  const code = /\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2}))/y;
  code.lastIndex = slash;
  const [whole = '', octal, hex] = code.exec(text) ?? [];
  if (octal !== undefined)
    return [whole.length, String.fromCharCode(Number.parseInt(octal, 8) & 255)];
  if (hex !== undefined) return [whole.length, String.fromCharCode(Number.parseInt(hex, 16))];
  const next = text[slash + 1] ?? '';
  if (next === '' || next === 'u' || next === 'U') throw notInsert(text);
  return [2, SIMPLE[next] ?? next];
}

const notInsert = (text: string) =>
  new UnsoundScript(`${JSON.stringify(text.slice(0, 80))} is not an INSERT of pg_dump`);

const ESCAPED: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** A row as COPY writes it, with its newline. */
export function copyLine(values: readonly (string | null)[]): string {
  const fields = values.map((value) =>
    value === null ? '\\N' : value.replace(/[\\\b\f\n\r\t\v]/g, (one) => ESCAPED[one] ?? one),
  );
  return `${fields.join('\t')}\n`;
}
