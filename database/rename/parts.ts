import { targetName } from '../../backup-set/restore/names/into.ts';
import { quoteLiteral } from '../session/quote.ts';
import {
  type Change,
  changeOf,
  identifierOf,
  isKeyword,
  literalOf,
  renamedTo,
} from './identifiers.ts';
import type { SqlToken } from './lexer.ts';
import type { MadeNames } from './made-names.ts';

type Tokens = readonly SqlToken[];
type Changes = (Change | undefined)[];

/** Statements in which `SCHEMA s` is the schema itself, and not the place of an extension. */
const OF_SCHEMAS = ['CREATE', 'ALTER', 'GRANT', 'REVOKE', 'COMMENT', 'SECURITY'];

/** `CREATE SCHEMA s`, `GRANT … ON SCHEMA s`, `ALTER DEFAULT PRIVILEGES … IN SCHEMA s`. */
export function schemaChanges(tokens: Tokens, names: MadeNames): Changes {
  if (!isKeyword(tokens[0], ...OF_SCHEMAS)) return [];
  if (isKeyword(tokens[1], 'EXTENSION', 'PUBLICATION')) return [];
  return tokens.map((token, at) => {
    if (!isKeyword(token, 'SCHEMA')) return undefined;
    const schema = identifierOf(tokens[at + 1]);
    const made = schema === undefined ? undefined : names.newSchema(schema);
    return made === undefined ? undefined : renamedTo(tokens[at + 1], made);
  });
}

/** `CREATE FUNCTION … SET search_path TO 's', 'public'`: literals, or names up to version 9.4. */
export function searchPathChanges(tokens: Tokens, names: MadeNames): Changes {
  const changes: Changes = [];
  for (const [at, token] of tokens.entries()) {
    if (token.text !== 'search_path' || !isKeyword(tokens[at - 1], 'SET')) continue;
    for (let on = at + 2; on < tokens.length; on += 2) {
      const element = tokens[on];
      if (element === undefined) break;
      const literal = literalOf(element);
      const made = names.newSchema(literal ?? identifierOf(element) ?? '');
      if (made !== undefined && literal !== made)
        changes.push(
          literal === undefined ? renamedTo(element, made) : changeOf(element, quoteLiteral(made)),
        );
      if (tokens[on + 1]?.text !== ',') break;
    }
  }
  return changes;
}

/** Names of indexes and constraints without a schema: they are in the schema of their table. */
export function indexChanges(tokens: Tokens, names: MadeNames): Changes {
  if (!('table' in names.into)) return [];
  const [first, second] = tokens;
  const schemaAt = (at: number) =>
    tokens[at + 1]?.text === '.' ? identifierOf(tokens[at]) : undefined;
  const change = (schema: string | undefined, token: SqlToken | undefined) => {
    const name = identifierOf(token);
    if (schema === undefined || name === undefined) return undefined;
    const made = names.newName(schema, name);
    return made && renamedTo(token, made.name);
  };
  const indexOf = (...words: string[]) => tokens.findIndex((token) => isKeyword(token, ...words));
  if (isKeyword(first, 'CREATE') && isKeyword(second, 'INDEX', 'UNIQUE')) {
    const name = indexOf('INDEX') + 1;
    const table = isKeyword(tokens[name + 2], 'ONLY') ? name + 3 : name + 2;
    return [change(schemaAt(table), tokens[name])];
  }
  if (isKeyword(first, 'COMMENT') && isKeyword(tokens[2], 'CONSTRAINT'))
    return [change(schemaAt(5), tokens[3])];
  if (!isKeyword(first, 'ALTER') || !isKeyword(second, 'TABLE')) return [];
  const schema = schemaAt(isKeyword(tokens[2], 'ONLY') ? 3 : 2);
  return tokens.map((token, at) => {
    const [before, after] = [tokens[at - 1], tokens[at + 1]];
    const isOwn =
      (isKeyword(before, 'CONSTRAINT') && isKeyword(after, 'PRIMARY', 'UNIQUE', 'EXCLUDE')) ||
      (isKeyword(before, 'INDEX') && isKeyword(tokens[at - 2], 'USING')) ||
      (isKeyword(before, 'ON') && isKeyword(tokens[at - 2], 'CLUSTER'));
    return isOwn ? change(schema, token) : undefined;
  });
}

/** Greenplum 6 names the partitions of a table: `WITH (tablename='t_1_prt_a')`. */
export function partitionChanges(tokens: Tokens, names: MadeNames): Changes {
  if (!('table' in names.into) || !isKeyword(tokens[0], 'CREATE')) return [];
  const { schema } = names.into.from;
  return tokens.map((token, at) => {
    const isName = tokens[at - 1]?.text === '=' && tokens[at - 2]?.text === 'tablename';
    const name = isName ? literalOf(token) : undefined;
    const made = name === undefined ? undefined : targetName(names.into, { schema, name });
    return made === undefined ? undefined : changeOf(token, quoteLiteral(made.name));
  });
}
