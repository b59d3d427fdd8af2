import { onAbort, throwIfInterrupted } from '../../async/abort.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { LoadRelation, RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { quoteLiteral, quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import {
  factsOfAll,
  factsQuery,
  isPartlyOwn,
  replaceableRows,
  type TableFacts,
  triggerStatements,
} from './facts.ts';

type Table = Pick<LoadRelation, 'schema' | 'name' | 'conditional'>;

export interface LoadOptions {
  readonly mode: RestoreRequest['mode'];
  readonly signal: AbortSignal;
}

/** The transaction in which one connection loads a whole table. */
export interface LoadTransaction {
  /** Gives the triggers their state again, and commits. */
  commit(): Promise<void>;
}

/**
 * Begins the transaction that loads a table. Until its end no other session can write to the table,
 * and no trigger of it fires. The table then holds no rows but those that belong to an extension.
 * @throws StowageError `database/locked` when a session writes to the table for too long;
 * `database/denied` when triggers must be disabled and the role does not own the table;
 * `database/failed` when the table holds rows that the restore may not delete.
 */
export async function beginLoad(
  session: Session,
  table: Table,
  { mode, signal }: LoadOptions,
): Promise<LoadTransaction> {
  throwIfInterrupted(signal);
  using _ = onAbort(signal, () => void session.destroy());
  try {
    const facts = await lockTable(session, table);
    const triggers = triggerStatements(table, facts);
    if (triggers !== undefined) await disable(session, table, triggers.disable);
    await prepareTable(session, table, facts, mode);
    return {
      async commit() {
        if (triggers !== undefined) await session.query(triggers.enable);
        await session.query('COMMIT');
      },
    };
  } catch (error) {
    throwIfInterrupted(signal);
    throw error;
  }
}

/**
 * Begins one transaction that loads several tables, which the restore has created. As `beginLoad`,
 * in one round trip.
 * @returns false, without a transaction, when one of the tables needs a load of its own: it has
 * triggers that fire, belongs to an extension, or holds rows.
 */
export async function beginLoads(
  session: Session,
  tables: readonly Table[],
  signal: AbortSignal,
): Promise<boolean> {
  throwIfInterrupted(signal);
  using _ = onAbort(signal, () => void session.destroy());
  const names = tables.map(quoteQualified);
  try {
    const results = await session.script(`${BEGIN};
      LOCK TABLE ${names.map((name) => `ONLY ${name}`).join(', ')} IN SHARE ROW EXCLUSIVE MODE;
      ${factsOfAll(tables)};
      SELECT EXISTS (${names.map((name) => `SELECT 1 FROM ONLY ${name}`).join(' UNION ALL ')}) AS holds`);
    const facts = (results.at(-2) ?? []) as unknown as TableFacts[];
    const holdsRows = results.at(-1)?.[0]?.['holds'] !== false;
    if (!holdsRows && facts.length === tables.length && facts.every(isPlain)) return true;
    await session.query('ROLLBACK');
    return false;
  } catch (error) {
    throwIfInterrupted(signal);
    throw error;
  }
}

const isPlain = ({ alwaysTriggers, replicaTriggers, extension }: TableFacts) =>
  alwaysTriggers.length + replicaTriggers.length === 0 && extension === null;

/**
 * READ COMMITTED, because the role's default may be another level: it would not see the rows that a
 * session committed while we waited for the lock.
 */
const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED';

async function lockTable(session: Session, table: Table): Promise<TableFacts> {
  const name = quoteQualified(table);
  const results = await session.script(`${BEGIN};
    LOCK TABLE ONLY ${name} IN SHARE ROW EXCLUSIVE MODE;
    ${factsQuery(`${quoteLiteral(name)}::pg_catalog.regclass`)}`);
  const facts = results.at(-1)?.[0];
  if (facts === undefined) throw failed(table, 'does not exist any more');
  return facts as unknown as TableFacts;
}

async function disable(session: Session, table: Table, statement: string): Promise<void> {
  try {
    await session.query(statement);
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    const { schema, name } = table;
    const message = `role ${JSON.stringify(session.target.user)} cannot load ${schema}.${name}: the table has triggers that fire during a restore (ENABLE ALWAYS or ENABLE REPLICA), and only its owner can disable them`;
    throw new StowageError('database/denied', message, {
      cause: error,
      where: { relation: `${schema}.${name}` },
    });
  }
}

/** Checks that the set has the rows that the load replaces, and deletes those. */
export async function prepareTable(
  session: Session,
  table: Table,
  facts: TableFacts,
  mode: LoadOptions['mode'],
): Promise<void> {
  requireSameRows(table, facts);
  await empty(session, table, facts, mode);
}

/**
 * Deletes the rows that the load replaces. After the TRUNCATE of phase pre-data these are the rows
 * that a session has written since, or those of an extension's configuration table.
 */
async function empty(
  session: Session,
  table: Table,
  facts: TableFacts,
  mode: LoadOptions['mode'],
): Promise<void> {
  const rows = replaceableRows(table, facts);
  const holdsRows = async () => {
    const [row] = await session.query<{ holds: boolean }>(
      `SELECT EXISTS (SELECT FROM ONLY ${rows}) AS holds`,
    );
    return row?.holds === true;
  };
  if (!(await holdsRows())) return;
  if (mode !== 'truncate' && facts.condition === null)
    throw failed(
      table,
      'holds rows that this restore did not load: another session has written to it since the restore created it. Stop that session, drop the table, and restore again',
    );
  using _ = session.mayBeSilent();
  await session.query(`DELETE FROM ONLY ${rows}`);
  if (await holdsRows()) throw failed(table, 'could not be emptied: a rule prevents DELETE');
}

/** The set has all rows, or only those of an extension's condition: so must the target. */
function requireSameRows(table: Table, facts: TableFacts): void {
  const reason = otherRows(table.conditional === true, facts);
  if (reason !== undefined) throw failed(table, reason);
}

/** Why the rows of the set are not the rows that a load would replace; undefined when they are. */
export function otherRows(
  conditional: boolean,
  facts: Pick<TableFacts, 'condition' | 'extension'>,
): string | undefined {
  if (conditional === isPartlyOwn(facts)) return undefined;
  return conditional
    ? 'is not the configuration table of an extension here, or its extension selects all its rows, and the set has only the rows that the extension of the source selected'
    : `is a configuration table of extension ${facts.extension} here, which owns some of its rows, and the set has all rows of the table`;
}

function failed({ schema, name }: Table, reason: string): StowageError {
  const relation = `${schema}.${name}`;
  return new StowageError('database/failed', `table ${relation} ${reason}`, {
    where: { relation },
  });
}
