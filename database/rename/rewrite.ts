import { quoteLiteral } from '../session/quote.ts';
import { aliasChanges } from './aliases.ts';
import { columnChains } from './columns.ts';
import {
  type Change,
  changeOf,
  identifierOf,
  isKeyword,
  literalOf,
  renamedTo,
} from './identifiers.ts';
import { NotSql, type SqlToken, sqlTokens } from './lexer.ts';
import type { MadeNames } from './made-names.ts';
import { indexChanges, partitionChanges, schemaChanges, searchPathChanges } from './parts.ts';
import type { SqlStatement } from './statements.ts';

/** `'s.t'::regclass`: the server reads such a literal as a name. */
const NAMES_IN_LITERALS =
  /^reg(?:class|type|proc|procedure|oper|operator|config|dictionary|collation|namespace)$/;

/**
 * A statement of pg_dump with the new names of what the restore makes. pg_dump qualifies every
 * name of a schema: a name without one is a column, an alias or a part of its table.
 */
export function renamedStatement({ text, tokens }: SqlStatement, names: MadeNames): string {
  const columns = columnChains(tokens);
  const changes = [
    ...chainChanges(tokens, names, columns),
    ...aliasChanges(tokens, names, columns),
    ...literalChanges(tokens, names),
    ...schemaChanges(tokens, names),
    ...searchPathChanges(tokens, names),
    ...indexChanges(tokens, names),
    ...partitionChanges(tokens, names),
  ];
  return applied(text, tokens[0]?.at ?? 0, changes);
}

/** A text that is only a name with its arguments: a literal, or the tag of a function. */
export function renamedText(text: string, names: MadeNames): string {
  try {
    return applied(text, 0, chainChanges([...sqlTokens(text)], names, new Set()));
  } catch (error) {
    if (error instanceof NotSql) return text;
    throw error;
  }
}

function applied(text: string, start: number, changes: readonly (Change | undefined)[]): string {
  let [result, done] = ['', 0];
  const sorted = changes.flatMap((change) => change ?? []).sort((a, b) => a.at - b.at);
  for (const change of sorted) {
    result += text.slice(done, change.at - start) + change.text;
    done = change.end - start;
  }
  return result + text.slice(done);
}

/** Every qualified name whose object is made under another name. */
function chainChanges(
  tokens: readonly SqlToken[],
  names: MadeNames,
  columns: ReadonlySet<number>,
): (Change | undefined)[] {
  return tokens.flatMap((token, at) => {
    if (tokens[at + 1]?.text !== '.' || tokens[at - 1]?.text === '.' || columns.has(at)) return [];
    const [schema, second] = [identifierOf(token), tokens[at + 2]];
    const isOperator = second?.kind === 'operator' && isOperatorName(tokens, at);
    const name = isOperator ? second.text : identifierOf(second);
    if (schema === undefined || name === undefined || second === undefined) return [];
    const made = names.newName(schema, name);
    if (made === undefined || ('table' in names.into && isCall(tokens, at))) return [];
    return [renamedTo(token, made.schema), isOperator ? undefined : renamedTo(second, made.name)];
  });
}

/** `OPERATOR(s.=)`, `OPERATOR 1 s.=`, `CREATE OPERATOR s.=`: elsewhere, `s.*` is a whole row. */
function isOperatorName(tokens: readonly SqlToken[], at: number): boolean {
  return [1, 2].some((before) => isKeyword(tokens[at - before], 'OPERATOR'));
}

/** A table and a function can have one name: only the table gets another. */
function isCall(tokens: readonly SqlToken[], at: number): boolean {
  return (
    tokens[at + 3]?.text === '(' &&
    !isKeyword(tokens[at - 1], 'TABLE', 'ONLY', 'EXISTS', 'INTO', 'REFERENCES')
  );
}

function literalChanges(tokens: readonly SqlToken[], names: MadeNames): (Change | undefined)[] {
  return tokens.map((token, at) => {
    if (token.kind !== 'string' || tokens[at + 1]?.text !== '::') return undefined;
    const isQualified = tokens[at + 2]?.text === 'pg_catalog' && tokens[at + 3]?.text === '.';
    const type = identifierOf(tokens[at + (isQualified ? 4 : 2)]) ?? '';
    const value = NAMES_IN_LITERALS.test(type) ? literalOf(token) : undefined;
    if (value === undefined) return undefined;
    const by = type === 'regnamespace' ? newSchemaText(value, names) : renamedText(value, names);
    return by === value ? undefined : changeOf(token, quoteLiteral(by));
  });
}

function newSchemaText(value: string, names: MadeNames): string {
  const [token] = [...sqlTokens(value)];
  const made = names.newSchema(identifierOf(token) ?? '');
  return made === undefined ? value : (renamedTo(token, made)?.text ?? value);
}
