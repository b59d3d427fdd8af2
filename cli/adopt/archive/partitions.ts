import type { SqlToken } from '../../../database/rename/lexer.ts';
import { tokensOf } from '../script/tokens-of.ts';

/** The partitions that a `CREATE TABLE … PARTITION BY …` of Greenplum 4 to 6 makes. */
export interface Partitions {
  readonly leaves: ReadonlySet<string>;
  /** Levels between the root and the leaves. They hold no rows. */
  readonly middles: ReadonlySet<string>;
}

/**
 * Reads the names that pg_dump gives the partitions: `WITH (tablename='t_1_prt_1', …)`. A partition
 * with partitions of its own in parentheses behind that is a middle level.
 * @returns undefined when the statement makes no partitioned table.
 */
export function partitionsOf(statement: string): Partitions | undefined {
  if (!/^CREATE TABLE /.test(statement)) return undefined;
  const tokens = tokensOf(statement);
  const start = tokens.findIndex(
    ({ kind, text }, at) =>
      kind === 'word' && text === 'PARTITION' && tokens[at + 1]?.text === 'BY',
  );
  if (start === -1) return undefined;
  const leaves = new Set<string>();
  const middles = new Set<string>();
  let last: string | undefined;
  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined) break;
    const name = nameAt(tokens, at);
    if (name !== undefined) {
      last = name;
      leaves.add(name);
      at = closing(tokens, at);
    } else if (token.text === '(' && last !== undefined) {
      leaves.delete(last);
      middles.add(last);
      last = undefined;
    } else if (token.text === ',' || token.text === ')') last = undefined;
  }
  return { leaves, middles };
}

/** `tablename = 't_1_prt_1'` */
function nameAt(tokens: readonly SqlToken[], at: number): string | undefined {
  const [name, equals, value] = tokens.slice(at, at + 3);
  if (name?.text !== 'tablename' || equals?.text !== '=' || value?.kind !== 'string')
    return undefined;
  return value.text.slice(1, -1).replaceAll("''", "'");
}

/** The parenthesis that closes `WITH (…`, at or behind `at`. */
function closing(tokens: readonly SqlToken[], at: number): number {
  let depth = 0;
  for (let next = at; next < tokens.length; next++) {
    if (tokens[next]?.text === '(') depth += 1;
    else if (tokens[next]?.text === ')') {
      if (depth === 0) return next;
      depth -= 1;
    }
  }
  return tokens.length;
}
