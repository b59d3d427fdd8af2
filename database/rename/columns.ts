import { identifierOf, isKeyword } from './identifiers.ts';
import type { SqlToken } from './lexer.ts';

/** The list of tables at one level of parentheses, or anything else. */
type Clause = 'from' | 'other';

interface Level {
  clause: Clause;
  /** `FROM` begins a list of tables only in a query; `extract(day FROM x)` is none. */
  isQuery: boolean;
}

/** Aliases that no text declares: the rows of a rule, a trigger or ON CONFLICT. */
const IMPLICIT = ['new', 'old', 'excluded'];
/** What an object follows, and no column: a type, a table, a collation. */
const BEFORE_OBJECTS = ['COLLATE', 'AS', 'INTO', 'UPDATE', 'ONLY', 'TABLE', 'LATERAL'];
const ENDS_TABLES = [
  ...['WHERE', 'GROUP', 'HAVING', 'WINDOW', 'ORDER', 'LIMIT', 'OFFSET', 'FETCH', 'FOR', 'UNION'],
  ...['INTERSECT', 'EXCEPT', 'SELECT', 'VALUES', 'SET', 'RETURNING', 'ON', 'TABLESAMPLE'],
];
const BEGINS_QUERY = ['SELECT', 'DELETE', 'UPDATE', 'INSERT', 'MERGE'];

/**
 * The places of `a.b` that mean column b of the table or alias a, where a text has such an alias:
 * a table can have the name of its schema. Other texts of pg_dump name columns without a table.
 */
export function columnChains(tokens: readonly SqlToken[]): ReadonlySet<number> {
  const start = startOfCode(tokens);
  const columns = new Set<number>();
  if (start === undefined) return columns;
  const aliases = aliasesIn(tokens);
  const levels: Level[] = [{ clause: 'other', isQuery: false }];
  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at] as SqlToken;
    const level = levels.at(-1) as Level;
    const isFirst = tokens[at + 1]?.text === '.' && tokens[at - 1]?.text !== '.';
    if (token.text === '(') levels.push(inner(level, tokens[at - 1]));
    else if (token.text === ')' && levels.length > 1) levels.pop();
    else if (token.text === ';') levels.splice(1);
    else if (isFirst && aliases.has(identifierOf(token) ?? '')) {
      if (!isObject(tokens, at, level)) columns.add(at);
    } else if (token.kind === 'word') follow(level, tokens, at);
  }
  return columns;
}

/** Where a statement can have a query; undefined: in no place. */
export function startOfCode(tokens: readonly SqlToken[]): number | undefined {
  if (!isKeyword(tokens[0], 'CREATE')) return undefined;
  const first = (...words: string[]) => {
    const found = tokens.findIndex((token) => isKeyword(token, ...words));
    return found === -1 ? undefined : found;
  };
  const kind = tokens.find((token) =>
    isKeyword(token, 'VIEW', 'RULE', 'POLICY', 'TRIGGER', 'FUNCTION', 'PROCEDURE', 'TABLE'),
  )?.text;
  if (kind === 'VIEW') return first('AS');
  if (kind === 'RULE') return first('WHERE', 'DO');
  if (kind === 'POLICY') return first('USING', 'CHECK');
  if (kind === 'TRIGGER') return first('WHEN');
  return kind === 'FUNCTION' || kind === 'PROCEDURE' ? first('ATOMIC', 'RETURN') : undefined;
}

/** Every name that ends a chain: of a table, an alias or a column. */
function aliasesIn(tokens: readonly SqlToken[]): ReadonlySet<string> {
  const names = tokens.flatMap((token, at) => {
    const name = identifierOf(token);
    return tokens[at + 1]?.text !== '.' && name !== undefined && !isCapital(token) ? [name] : [];
  });
  return new Set([...IMPLICIT, ...names]);
}

/** Parentheses in a list of tables hold a join. After a name, they hold arguments or columns. */
function inner(level: Level, before: SqlToken | undefined): Level {
  const isJoin =
    level.clause === 'from' && (isCapital(before) || /^[(,]$/.test(before?.text ?? ''));
  return { clause: isJoin ? 'from' : 'other', isQuery: false };
}

function follow(level: Level, tokens: readonly SqlToken[], at: number): void {
  const { text } = tokens[at] as SqlToken;
  if (BEGINS_QUERY.includes(text)) level.isQuery = true;
  if (ENDS_TABLES.includes(text)) level.clause = 'other';
  else if (text === 'JOIN') level.clause = 'from';
  else if (text === 'FROM' && level.isQuery && !isKeyword(tokens[at - 1], 'DISTINCT'))
    level.clause = 'from';
}

/** Whether `a.b` at this place is a table, function, type or collation of a schema. */
function isObject(tokens: readonly SqlToken[], at: number, { clause }: Level): boolean {
  const before = tokens[at - 1];
  if (clause === 'from' || tokens[at + 3]?.text === '(' || before?.text === '::') return true;
  if (before === undefined || isKeyword(before, ...BEFORE_OBJECTS)) return true;
  // `x(a s.t)`: the type of a column.
  return identifierOf(before) !== undefined && !isCapital(before);
}

/** pg_dump writes keywords in capital letters, and no identifiers. */
export const isCapital = (token: SqlToken | undefined) =>
  token?.kind === 'word' && /^[A-Z_]+$/.test(token.text);
