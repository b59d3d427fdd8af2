import { StowageError } from '../../backup-set/base/errors.ts';
import { NotSql } from '../rename/lexer.ts';
import { type SqlStatement, sqlStatements } from '../rename/statements.ts';
import { nameAfter, plainStatement } from './plain-statement.ts';

/** Settings that pg_restore writes first; the caller writes those that every server knows. */
const SETTINGS =
  /^(SET (statement_timeout|lock_timeout|idle_in_transaction_session_timeout|transaction_timeout|client_encoding|standard_conforming_strings|check_function_bodies|xmloption|client_min_messages|row_security) = |SELECT pg_catalog\.set_config\('search_path')/;

export interface Script {
  readonly text: string;
  /** With `plain`: what was changed. */
  readonly changes: readonly string[];
  /** With `plain`: tables without their partitions, as `"schema"."name"`. */
  readonly unpartitioned: readonly string[];
}

/**
 * The statements of an SQL text of pg_restore, one after the other, as psql may run them: nothing
 * outside of statements and comments is left, so no name of the set is a command of psql.
 * @throws StowageError `set/unreadable` when the text is not SQL of pg_dump.
 */
export function scriptOf(text: string, isPlain: boolean, object: string): Script {
  const made: string[] = [];
  const changes: string[] = [];
  const unpartitioned: string[] = [];
  const leftOut = new Set<string>();
  let behind = 0;
  for (const statement of statementsIn(text, object)) {
    const comments = commentsIn(text.slice(behind, statement.tokens[0]?.at ?? 0));
    behind = (statement.tokens[0]?.at ?? 0) + statement.text.length + 1;
    if (SETTINGS.test(statement.text)) continue;
    const plain = isPlain
      ? plainStatement(statement, (name) => leftOut.has(name))
      : { text: statement.text, changes: [] };
    changes.push(...plain.changes);
    if (plain.unpartitioned !== undefined) unpartitioned.push(plain.unpartitioned);
    if (plain.text === undefined) noteTable(statement, leftOut);
    else made.push(`${comments}${plain.text};\n`);
  }
  return { text: made.join('\n'), changes, unpartitioned };
}

function noteTable({ tokens }: SqlStatement, leftOut: Set<string>): void {
  const table = tokens.find(({ kind, text }) => kind === 'word' && text === 'TABLE');
  if (table !== undefined) leftOut.add(nameAfter(tokens, table));
}

function* statementsIn(text: string, object: string): Generator<SqlStatement> {
  try {
    yield* sqlStatements(text);
  } catch (cause) {
    if (!(cause instanceof NotSql)) throw cause;
    throw new StowageError('set/unreadable', `${object}: ${cause.message}`, {
      cause,
      where: { object },
    });
  }
}

/** What pg_dump says about the next statement: who owns it, and of which kind it is. */
function commentsIn(gap: string): string {
  const lines = gap.split('\n').filter((line) => /^-- (?:Name|Data for Name): /.test(line));
  return lines.map((line) => `--\n${line}\n--\n\n`).join('');
}
