import { quoteIdentifier } from '../session/quote.ts';
import { isCapital, startOfCode } from './columns.ts';
import { type Change, identifierOf, isKeyword, renamedTo } from './identifiers.ts';
import type { SqlToken } from './lexer.ts';
import type { MadeNames } from './made-names.ts';

/**
 * A table without an alias gives its name to its columns: `orders.id`, `orders.*`. Where it gets
 * another name, the table of the statement passes it on, and a table in a query keeps the old one
 * as an alias.
 * @param columns places of `a.b` that are columns.
 */
export function aliasChanges(
  tokens: readonly SqlToken[],
  names: MadeNames,
  columns: ReadonlySet<number>,
): (Change | undefined)[] {
  if (!('table' in names.into)) return [];
  const own = tokens.findIndex((_, at) => tokens[at + 1]?.text === '.');
  const start = startOfCode(tokens) ?? tokens.length;
  const isPolicy = isKeyword(tokens[1], 'POLICY');
  return tokens.flatMap((token, at) => {
    if (tokens[at + 1]?.text !== '.' || tokens[at - 1]?.text === '.') return [];
    const name = identifierOf(token);
    const isWholeRow = tokens[at + 2]?.text === '*' && !isKeyword(tokens[at - 2], 'OPERATOR');
    const isOwnColumn = (isPolicy && columns.has(at)) || (at < start && isWholeRow);
    if (isOwnColumn && name === identifierOf(tokens[own + 2])) {
      const made = madeAt(tokens, own, names);
      return made === undefined ? [] : [renamedTo(token, made.name)];
    }
    return at > start && !columns.has(at) ? [aliasOf(tokens, at, { names, columns })] : [];
  });
}

/** The old name as the alias of a table in a query, if a column is named by it. */
function aliasOf(
  tokens: readonly SqlToken[],
  at: number,
  { names, columns }: { names: MadeNames; columns: ReadonlySet<number> },
): Change | undefined {
  const [table, after] = [tokens[at + 2], tokens[at + 3]];
  const old = identifierOf(table);
  if (table === undefined || old === undefined || tokens[at - 1]?.text === '::') return undefined;
  const made = madeAt(tokens, at, names);
  if (made === undefined || made.name === old) return undefined;
  const hasAlias =
    isKeyword(after, 'AS') || (identifierOf(after) !== undefined && !isCapital(after));
  const isNamed = [...columns].some((column) => identifierOf(tokens[column]) === old);
  const end = table.at + table.text.length;
  return hasAlias || !isNamed ? undefined : { at: end, end, text: ` AS ${quoteIdentifier(old)}` };
}

function madeAt(tokens: readonly SqlToken[], at: number, names: MadeNames) {
  return names.newName(identifierOf(tokens[at]) ?? '', identifierOf(tokens[at + 2]) ?? '');
}
