import { type Change, identifierOf, isKeyword } from '../rename/identifiers.ts';
import type { SqlToken } from '../rename/lexer.ts';
import type { SqlStatement } from '../rename/statements.ts';

/** A statement of Greenplum as PostgreSQL understands it. */
export interface PlainStatement {
  /** Undefined: PostgreSQL has nothing like it. */
  readonly text: string | undefined;
  /** For people, what was changed; empty: nothing that changes what the database does. */
  readonly changes: readonly string[];
  /** The table whose partitions of Greenplum 6 were left out, as `schema.name` in quotes. */
  readonly unpartitioned?: string;
}

/** Storage options that PostgreSQL does not know, or that mean nothing there. */
const STORAGE_OPTIONS = [
  ...['appendonly', 'appendoptimized', 'orientation', 'compresstype', 'compresslevel'],
  ...['blocksize', 'checksum', 'tablename', 'analyze_hll_non_part_table', 'oids'],
];

/** Kinds of objects that only Greenplum has. */
const OWN_OBJECTS = [
  ['EXTERNAL'],
  ['READABLE', 'EXTERNAL'],
  ['WRITABLE', 'EXTERNAL'],
  ['RESOURCE', 'QUEUE'],
  ['RESOURCE', 'GROUP'],
  ['PROTOCOL'],
  ['TRUSTED', 'PROTOCOL'],
];

/**
 * Makes a statement of pg_dump of Greenplum one of PostgreSQL. Pure. A statement that PostgreSQL
 * understands stays as it is.
 * @param isLeftOut whether a table, in quotes, was left out: its rights and comments go, too.
 */
export function plainStatement(
  { text, tokens }: SqlStatement,
  isLeftOut: (name: string) => boolean,
): PlainStatement {
  const [first, second] = tokens;
  const rest = tokens.slice(1);
  const whole = (changes: readonly string[] = []): PlainStatement => ({ text: undefined, changes });
  if (isKeyword(first, 'SET') && /^(gp_|optimizer|default_with_oids)/.test(second?.text ?? ''))
    return whole();
  if (isKeyword(first, 'CREATE', 'ALTER', 'DROP'))
    for (const words of OWN_OBJECTS)
      if (words.every((word, at) => isKeyword(rest[at], word)))
        return whole([`${shortened(text)}: left out`]);
  if (isAboutLeftOut(tokens, isLeftOut)) return whole();
  if (
    tokens.some(
      (token, at) => isKeyword(token, 'TEMPLATE') && isKeyword(tokens[at - 1], 'SUBPARTITION'),
    )
  )
    return whole();
  if (isKeyword(first, 'ALTER') && isKeyword(second, 'TYPE') && hasDefaultEncoding(tokens))
    return whole();
  if (isKeyword(first, 'CREATE')) return plainCreate(text, tokens);
  return { text, changes: [] };
}

function plainCreate(text: string, tokens: readonly SqlToken[]): PlainStatement {
  const start = tokens[0]?.at ?? 0;
  const kind = tokens.slice(1, 5).find((token) => isKeyword(token, ...CHANGED));
  if (kind === undefined) return { text, changes: [] };
  const cuts: Cuts = { edits: [], changes: [] };
  if (isKeyword(kind, 'INDEX')) bitmapIndex(tokens, cuts);
  else if (isKeyword(kind, 'FUNCTION', 'AGGREGATE')) functionOptions(tokens, cuts);
  else storage(tokens, cuts);
  const name = `${kind.text} ${nameAfter(tokens, kind).replaceAll('"', '')}`;
  const isRoot = cuts.isPartitioned === true;
  return {
    text: edited(text, start, cuts.edits),
    changes: cuts.changes.map((change) => `${name}: ${change}`),
    ...(isRoot && { unpartitioned: nameAfter(tokens, kind) }),
  };
}

const CHANGED = ['TABLE', 'VIEW', 'INDEX', 'FUNCTION', 'AGGREGATE'];

interface Cuts {
  readonly edits: Change[];
  readonly changes: string[];
  isPartitioned?: boolean;
}

/** Clauses of a table or materialized view: behind its columns or its query. */
function storage(tokens: readonly SqlToken[], cuts: Cuts): void {
  for (let at = 0, depth = 0; at < tokens.length; at += 1) {
    const token = tokens[at] as SqlToken;
    if (token.text === '(') depth += 1;
    if (token.text === ')') depth -= 1;
    if (depth === 1 && isKeyword(token, 'ENCODING') && tokens[at + 1]?.text === '(') {
      const end = closing(tokens, at + 1);
      cut(cuts, token, tokens[end]);
      note(cuts, 'ENCODING of columns left out');
      at = end;
    } else if (depth === 0 && isKeyword(token, 'WITH') && tokens[at + 1]?.text === '(') {
      const end = closing(tokens, at + 1);
      storageOptions(tokens.slice(at, end + 1), cuts);
      at = end;
    } else if (depth === 0 && isDistribution(tokens, at)) {
      distribution(tokens, at, cuts);
      return;
    }
  }
}

const isDistribution = (tokens: readonly SqlToken[], at: number) =>
  isKeyword(tokens[at], 'DISTRIBUTED') && isKeyword(tokens[at + 1], 'BY', 'RANDOMLY', 'REPLICATED');

/** The clause, and Greenplum 6's partitions, which follow it. */
function distribution(tokens: readonly SqlToken[], at: number, cuts: Cuts): void {
  const isBy = isKeyword(tokens[at + 1], 'BY');
  const end = isBy ? closing(tokens, at + 2) : at + 1;
  const words = isBy ? 'DISTRIBUTED BY' : `DISTRIBUTED ${tokens[at + 1]?.text}`;
  note(cuts, `${words} left out`);
  const isPartitioned = isKeyword(tokens[end + 1], 'PARTITION');
  cut(cuts, tokens[at], isPartitioned ? tokens.at(-1) : tokens[end]);
  if (!isPartitioned) return;
  cuts.isPartitioned = true;
  note(cuts, 'partitions left out, their rows go into the table');
}

/** Keeps the options that PostgreSQL knows, such as the fill factor. */
function storageOptions(tokens: readonly SqlToken[], cuts: Cuts): void {
  const options: SqlToken[][] = [[]];
  for (const token of tokens.slice(2, -1))
    if (token.text === ',') options.push([]);
    else options.at(-1)?.push(token);
  const isOwn = ([name]: SqlToken[]) => STORAGE_OPTIONS.includes(identifierOf(name) ?? '');
  const left = options.filter((option) => !isOwn(option));
  const gone = options.filter(isOwn).map(([name]) => name?.text);
  if (gone.length === 0) return;
  note(cuts, `${gone.join(', ')} left out`);
  const kept = left.map((option) => option.map(({ text }) => text).join(' ')).join(', ');
  cut(cuts, tokens[0], tokens.at(-1), left.length === 0 ? '' : `WITH (${kept})`);
}

function bitmapIndex(tokens: readonly SqlToken[], cuts: Cuts): void {
  const at = tokens.findIndex(
    (token, index) => isKeyword(token, 'USING') && tokens[index + 1]?.text === 'bitmap',
  );
  if (at === -1) return;
  cut(cuts, tokens[at + 1], tokens[at + 1], 'btree');
  note(cuts, 'bitmap became btree');
}

const SQL_DATA = [
  ['NO', 'SQL'],
  ['CONTAINS', 'SQL'],
  ['READS', 'SQL', 'DATA'],
  ['MODIFIES', 'SQL', 'DATA'],
  ['EXECUTE', 'ON', 'ANY'],
  ['EXECUTE', 'ON', 'MASTER'],
  ['EXECUTE', 'ON', 'COORDINATOR'],
  ['EXECUTE', 'ON', 'INITPLAN'],
  ['EXECUTE', 'ON', 'ALL', 'SEGMENTS'],
];

function functionOptions(tokens: readonly SqlToken[], cuts: Cuts): void {
  for (let at = 0, depth = 0; at < tokens.length; at += 1) {
    if (tokens[at]?.text === '(') depth += 1;
    if (tokens[at]?.text === ')') depth -= 1;
    if (depth > 0) continue;
    const words = SQL_DATA.find((each) => each.every((word, n) => isKeyword(tokens[at + n], word)));
    if (words === undefined) continue;
    cut(cuts, tokens[at], tokens[at + words.length - 1]);
    if (words[0] === 'EXECUTE') note(cuts, `${words.join(' ')} left out`);
  }
}

/** Rights and comments of something that was left out. */
function isAboutLeftOut(
  tokens: readonly SqlToken[],
  isLeftOut: (name: string) => boolean,
): boolean {
  if (!isKeyword(tokens[0], 'GRANT', 'REVOKE', 'COMMENT')) return false;
  const table = tokens.find((token) => isKeyword(token, 'TABLE', 'PROTOCOL', 'COLUMN'));
  if (table === undefined) return false;
  if (isKeyword(table, 'PROTOCOL')) return true;
  return isLeftOut(nameAfter(tokens, table));
}

const hasDefaultEncoding = (tokens: readonly SqlToken[]) =>
  tokens.some((token, at) => isKeyword(token, 'DEFAULT') && isKeyword(tokens[at + 1], 'ENCODING'));

/** `"schema"."name"` behind a keyword. */
export function nameAfter(tokens: readonly SqlToken[], keyword: SqlToken): string {
  let at = tokens.indexOf(keyword) + 1;
  while (isKeyword(tokens[at], 'IF', 'NOT', 'EXISTS', 'ONLY', 'WEB', 'TABLE')) at += 1;
  const parts = [identifierOf(tokens[at]) ?? ''];
  if (tokens[at + 1]?.text === '.') parts.push(identifierOf(tokens[at + 2]) ?? '');
  return parts.map((part) => `"${part.replaceAll('"', '""')}"`).join('.');
}

/** The token that closes the parenthesis at `at`. */
function closing(tokens: readonly SqlToken[], at: number): number {
  let depth = 0;
  for (let index = at; index < tokens.length; index += 1) {
    if (tokens[index]?.text === '(') depth += 1;
    if (tokens[index]?.text === ')') depth -= 1;
    if (depth === 0) return index;
  }
  return tokens.length - 1;
}

function cut(
  { edits }: Cuts,
  first: SqlToken | undefined,
  last: SqlToken | undefined,
  text = '',
): void {
  if (first === undefined || last === undefined) return;
  edits.push({ at: first.at, end: last.at + last.text.length, text });
}

function note({ changes }: Cuts, text: string): void {
  if (!changes.includes(text)) changes.push(text);
}

function edited(text: string, start: number, edits: readonly Change[]): string {
  let made = '';
  let from = 0;
  for (const { at, end, text: other } of edits) {
    made += text.slice(from, at - start) + other;
    from = end - start;
  }
  return (made + text.slice(from)).trimEnd();
}

const shortened = (text: string) => (/^[^(\n]{0,80}/.exec(text)?.[0] ?? '').trim();
