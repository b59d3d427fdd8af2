import { StowageError } from '../../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../../backup-set/base/selection.ts';
import { plural } from '../../../backup-set/base/words.ts';
import {
  type LiveTable,
  liveTables,
  queryColumns,
  type TypedColumn,
} from '../../../database/catalog/live-table.ts';
import { quoteIdentifier, quoteQualified } from '../../../database/session/quote.ts';
import type { Session } from '../../../database/session/session.ts';
import { isNamed, type TableName, writtenName } from '../../read-set/table-name.ts';

/** What is exported from a live database. */
export interface LiveWanted {
  /** Exactly one of both. */
  readonly table?: TableName;
  readonly query?: string;
  readonly columns?: readonly string[];
  /** SQL. */
  readonly where?: string;
}

/** The query that gives the rows, and its columns. */
export interface LiveQuery {
  readonly query: string;
  readonly columns: readonly TypedColumn[];
  readonly table?: QualifiedName;
}

/** @throws StowageError `table/…`, `export/impossible`, `database/failed` for what is no SQL. */
export async function liveQuery(session: Session, wanted: LiveWanted): Promise<LiveQuery> {
  await useOwnPath(session, wanted);
  if (wanted.query !== undefined) {
    const query = wanted.query.replace(/[;\s]+$/, '');
    const columns = await queryColumns(session, query);
    requireDistinct(columns);
    return { query, columns };
  }
  const table = await onlyTable(session, wanted.table ?? { name: '' });
  const all = await queryColumns(session, `SELECT * FROM ${quoteQualified(table)}`);
  const columns = (wanted.columns ?? all.map(({ name }) => name)).map((name) => {
    const found = all.find((column) => column.name === name);
    if (found !== undefined) return found;
    throw new StowageError(
      'export/impossible',
      `${writtenName(table)} has no column ${JSON.stringify(name)}: it has ${all.map((one) => one.name).join(', ')}`,
      { where: { relation: writtenName(table), field: 'columns' } },
    );
  });
  // As COPY: without the rows of tables that inherit. Greenplum's partitions do.
  const isAlone = table.kind === 'r' && session.target.greenplum === undefined;
  const from = `${isAlone ? 'ONLY ' : ''}${quoteQualified(table)}`;
  const { schema, name } = table;
  return { query: selectFrom(from, columns, wanted.where), columns, table: { schema, name } };
}

/** SQL of the user finds names as it does in psql: our sessions have an empty search_path. */
export async function useOwnPath(session: Session, { query, where }: LiveWanted): Promise<void> {
  if (query !== undefined || where !== undefined) await session.query('RESET search_path');
}

/** The condition is SQL that the user gives, with the rights of the user. */
export function selectFrom(
  from: string,
  columns: readonly TypedColumn[],
  where: string | undefined,
): string {
  const list = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  return `SELECT ${list} FROM ${from}${where === undefined ? '' : ` WHERE (${where}\n)`}`;
}

async function onlyTable(session: Session, wanted: TableName): Promise<LiveTable> {
  return onlyNamed(await liveTables(session, wanted.name, wanted.schema), wanted, session);
}

/**
 * The one table of this name. @param found tables whose names may differ in upper and lower case.
 * @throws StowageError `table/not-found`, `table/ambiguous`.
 */
export function onlyNamed(
  found: readonly LiveTable[],
  wanted: TableName,
  session: Session,
): LiveTable {
  const named = found.filter((each) => isNamed(wanted, each));
  const [table, ...others] = named;
  const { database } = session.target;
  const relation = wanted.schema === undefined ? wanted.name : `${wanted.schema}.${wanted.name}`;
  const where = { relation };
  if (table === undefined) {
    const why =
      found.length > 0
        ? `: upper and lower case count; it has ${found.map(writtenName).join(', ')}`
        : '';
    throw new StowageError(
      'table/not-found',
      `database ${database} has no table ${relation}${why}`,
      { where },
    );
  }
  if (others.length === 0) return table;
  throw new StowageError(
    'table/ambiguous',
    `${relation} names ${plural(named.length, 'table')} of database ${database}: ${named.map(writtenName).join(', ')}. Write the schema, too`,
    { where },
  );
}

function requireDistinct(columns: readonly TypedColumn[]): void {
  const names = columns.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return;
  throw new StowageError(
    'export/impossible',
    `the query gives two columns ${JSON.stringify(twice)}: give them different names with AS`,
    { where: { field: 'query' } },
  );
}
