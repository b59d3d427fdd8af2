import { StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { quoteIdentifier } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { restoreRefused } from '../target/refused.ts';
import { identifierOf, isKeyword } from './identifiers.ts';
import { NotSql, type SqlToken } from './lexer.ts';
import type { MadeNames } from './made-names.ts';
import { renamedStatement } from './rewrite.ts';
import { sqlStatements } from './statements.ts';

/** Our sessions have these already, and not every server has each. */
const OWN_SETTINGS =
  /^SET (?:\w+_timeout|client_encoding|row_security|standard_conforming_strings) = /;
const SHOWN_CHARS = 100;
/** duplicate_object, duplicate_table, duplicate_function. */
const DUPLICATES = ['42710', '42P07', '42723'];
const TAKEN = 'The copy needs this name: drop it, or choose another name';

interface RunOptions {
  /** No object of the restore exists yet. */
  readonly isFirst: boolean;
  readonly isNewDatabase: boolean;
}

/**
 * Runs the statements of an archive under their new names, in the caller's transaction.
 * @throws StowageError `restore/refused` when a statement would change a table that the restore
 * does not make; `set/unreadable`; as `Session.query`, with the statement.
 */
export async function runRenamed(
  session: Session,
  text: string,
  names: MadeNames,
  { isFirst, isNewDatabase }: RunOptions,
): Promise<void> {
  using _ = session.mayBeSilent();
  const hasSchema = await prepareSchema(session, names, isNewDatabase);
  if (isFirst && hasSchema) await requireFree(session, names);
  for (const statement of statementsOf(text)) {
    if (OWN_SETTINGS.test(statement.text)) continue;
    if (isOfSchema(statement.tokens, names, hasSchema)) continue;
    await prepareExtension(session, statement.tokens, names);
    requireOwn(session, statement.tokens, names);
    const sql = renamedStatement(statement, names);
    try {
      await session.query(sql);
    } catch (error) {
      if (!(error instanceof StowageError)) throw error;
      const state = sqlStateOf(error) ?? '';
      if (isFirst && DUPLICATES.includes(state))
        throw restoreRefused(session.target, `${error.message}. ${TAKEN}`, error);
      const [shown = ''] = sql.slice(0, SHOWN_CHARS).split('\n');
      throw new StowageError(error.code, `${error.message} (in ${shown})`, {
        cause: error,
        where: error.where,
      });
    }
  }
}

function* statementsOf(text: string) {
  try {
    yield* sqlStatements(text);
  } catch (error) {
    if (!(error instanceof NotSql)) throw error;
    throw new StowageError(
      'set/unreadable',
      `the definitions of the set cannot be given other names: ${error.message}`,
      { cause: error },
    );
  }
}

/** Creates the new schema, if it does not exist. Whether it existed: it then keeps its rights. */
async function prepareSchema(
  session: Session,
  { into }: MadeNames,
  isNewDatabase: boolean,
): Promise<boolean> {
  const schema = 'table' in into ? into.table.schema : into.schema;
  const [row] = await session.query<{ exists: boolean }>(
    'SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1) AS exists',
    [schema],
  );
  if (row?.exists === true) return true;
  if ('table' in into && !isNewDatabase)
    throw restoreRefused(
      session.target,
      `schema ${schema} does not exist in database ${session.target.database}: --as makes a table in an existing schema. Create the schema, or choose another name`,
    );
  await session.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  return false;
}

/** Also indexes have names of the schema: they are made last, when all rows are loaded. */
async function requireFree(session: Session, { all }: MadeNames): Promise<void> {
  const [taken] = await session.query<QualifiedName>(
    `SELECT n.nspname AS schema, c.relname AS name
     FROM unnest($1::text[], $2::text[]) AS w(schema, name)
     JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name LIMIT 1`,
    [all.map(({ schema }) => schema), all.map(({ name }) => name)],
  );
  if (taken === undefined) return;
  const { database } = session.target;
  const message = `${taken.schema}.${taken.name} already exists in database ${database}. ${TAKEN}`;
  throw restoreRefused(session.target, message);
}

/** An extension keeps the name of its schema, also when the rest of it gets another. */
async function prepareExtension(
  session: Session,
  tokens: readonly SqlToken[],
  names: MadeNames,
): Promise<void> {
  if (!isKeyword(tokens[0], 'CREATE') || !isKeyword(tokens[1], 'EXTENSION')) return;
  const schema = identifierOf(tokens[tokens.findIndex((token) => isKeyword(token, 'SCHEMA')) + 1]);
  if (schema !== undefined && names.newSchema(schema) !== undefined)
    await session.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`);
}

/** `CREATE SCHEMA s`; with `anything`, also its owner, rights and comments. */
function isOfSchema(tokens: readonly SqlToken[], names: MadeNames, anything: boolean): boolean {
  if (isKeyword(tokens[1], 'DEFAULT', 'EXTENSION')) return false;
  if (!isKeyword(tokens[0], 'CREATE') && !anything) return false;
  const at = tokens.findIndex((token) => isKeyword(token, 'SCHEMA'));
  return at !== -1 && names.newSchema(identifierOf(tokens[at + 1]) ?? '') !== undefined;
}

/** A copy must not become part of a table that exists: the rows of both would be mixed. */
function requireOwn(session: Session, tokens: readonly SqlToken[], names: MadeNames): void {
  const nameAt = (at: number): QualifiedName => ({
    schema: identifierOf(tokens[at]) ?? '',
    name: identifierOf(tokens[at + 2]) ?? '',
  });
  const isMade = ({ schema, name }: QualifiedName) => names.newName(schema, name) !== undefined;
  const [at, parents, child] = parentsIn(tokens);
  const other = parents.map(nameAt).find((parent) => !isMade(parent));
  if (at === undefined || other === undefined || !isMade(nameAt(child))) return;
  const [part, whole] = [nameAt(child), `${other.schema}.${other.name}`];
  throw restoreRefused(
    session.target,
    `${part.schema}.${part.name} is a part of ${whole} (inheritance or partitioning), and ${whole} is not among the chosen tables: its copy would add its rows to ${whole}. Choose both, with --include-schema and --into-schema`,
  );
}

/** Where a statement makes one table a part of others; the first is undefined when it does not. */
function parentsIn(tokens: readonly SqlToken[]): [number | undefined, number[], number] {
  const attach = tokens.findIndex(
    (token, at) => isKeyword(token, 'ATTACH') && isKeyword(tokens[at + 1], 'PARTITION'),
  );
  if (isKeyword(tokens[0], 'ALTER') && attach !== -1) return [attach, [attach - 3], attach + 2];
  const inherits = tokens.findIndex((token) => isKeyword(token, 'INHERITS'));
  if (!isKeyword(tokens[0], 'CREATE') || inherits === -1) return [undefined, [], 0];
  const parents: number[] = [];
  for (let on = inherits + 2; on < tokens.length; on += 4) {
    parents.push(on);
    if (tokens[on + 3]?.text !== ',') break;
  }
  return [inherits, parents, tokens.findIndex(({ text }) => text === '.') - 1];
}
