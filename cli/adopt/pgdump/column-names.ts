import type { SqlToken } from '../../../database/rename/lexer.ts';
import { unquoted } from '../script/copy-statement.ts';
import { tokensOf } from '../script/tokens-of.ts';
import { UnsoundScript } from '../script/unsound.ts';

/** An object of a dump that may define a table. */
export interface Defined {
  readonly kind: string;
  readonly schema?: string | undefined;
  readonly tag: string;
  readonly definition?: string | undefined;
}

/**
 * The columns of a table whose INSERT statements name none (`pg_dump --inserts`).
 * @param present which of the columns have values: generated ones do not.
 * @throws UnsoundScript when the definition of the table does not say it.
 */
export function columnsOf(
  entries: readonly Defined[],
  { schema, table }: { readonly schema: string; readonly table: string },
  present: readonly boolean[],
): readonly string[] {
  if (present.length === 0) return [];
  const refuse = (why: string) =>
    new UnsoundScript(
      `the INSERT statements of ${schema}.${table} name no columns, and ${why}: use --column-inserts of pg_dump`,
    );
  const entry = entries.find(
    (one) => one.kind === 'TABLE' && one.schema === schema && one.tag === table,
  );
  if (entry?.definition === undefined) throw refuse('the dump does not define it');
  const tokens = tokensOf(entry.definition);
  const open = tokens.findIndex(({ text }) => text === '(');
  const head = tokens.slice(0, open === -1 ? undefined : open);
  if (open === -1 || head.some(({ text }) => text === 'OF' || text === 'INHERITS'))
    throw refuse('its definition does not list them');
  const { names, end } = namesIn(tokens, open);
  if (tokens[end + 1]?.text === 'INHERITS') throw refuse('it inherits columns');
  if (names.length !== present.length)
    throw refuse(`its definition has ${names.length} columns and the statements ${present.length}`);
  return names.filter((_, at) => present[at] === true);
}

/** The first word of each item between the parentheses, unless it is a constraint. */
function namesIn(tokens: readonly SqlToken[], open: number) {
  const names: string[] = [];
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    const text = tokens[at]?.text ?? '';
    if (text === '(') depth += 1;
    else if (text === ')') depth -= 1;
    if (depth === 0) return { names, end: at };
    const isFirst = depth === 1 && (at === open || text === ',');
    const next = tokens[at + 1];
    if (!isFirst || next === undefined || next.text === ')') continue;
    if (next.kind === 'name') names.push(unquoted(next.text));
    else if (next.text !== 'CONSTRAINT') names.push(next.text);
  }
  return { names, end: tokens.length };
}
