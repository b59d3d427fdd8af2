import { messageOf } from '../../backup-set/base/errors.ts';
import { databaseError, sqlStateOf } from '../session/database-error.ts';
import { quoteIdentifier } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import type { DatabaseProperties } from './read.ts';
import type { PropertyStatement } from './statements.ts';

export interface ApplyOptions {
  readonly noOwner: boolean;
  readonly noAcl: boolean;
  /** Connections that the rest of the restore opens to the database at once. */
  readonly connections: number;
}

/** A property that the database did not get, and why. */
export interface LackingProperty {
  readonly what: string;
  readonly reason: string;
}

/**
 * Gives the session's database the properties of the set: settings first, then its owner and the
 * rights that depend on the owner. After a rejected statement it goes on, as pg_restore does.
 * @returns what the database lacks.
 */
export async function applyProperties(
  session: Session,
  properties: DatabaseProperties,
  options: ApplyOptions,
): Promise<LackingProperty[]> {
  const { statements, refused, owner } = properties;
  const database = quoteIdentifier(session.target.database);
  const lacking: LackingProperty[] = refused.map(({ entry, reason }) => ({ what: entry, reason }));
  lacking.push(...(await otherTablespace(session, properties)));
  const isRight = ({ kind }: PropertyStatement) => kind === 'right' || kind === 'authorization';
  for (const statement of statements.filter((one) => !isRight(one))) {
    const reason = (await tooFew(session, statement, options)) ?? (await run(session, statement));
    if (reason !== undefined) lacking.push({ what: statement.what, reason });
  }
  if (owner !== undefined && !options.noOwner) {
    const sql = `ALTER DATABASE ${database} OWNER TO ${quoteIdentifier(owner)}`;
    const reason = await run(session, { sql });
    if (reason !== undefined) lacking.push({ what: sql, reason });
  }
  if (!options.noAcl) lacking.push(...(await grant(session, statements.filter(isRight))));
  return lacking;
}

/** Rights that another role has granted are granted as that role, or not at all. */
async function grant(
  session: Session,
  statements: readonly PropertyStatement[],
): Promise<LackingProperty[]> {
  const lacking: LackingProperty[] = [];
  let refused: string | undefined;
  for (const statement of statements) {
    const { what, kind } = statement;
    if (kind === 'authorization') {
      refused = await run(session, statement);
      continue;
    }
    const reason = refused ?? (await run(session, statement));
    if (reason !== undefined) lacking.push({ what, reason });
  }
  return lacking;
}

/** @returns why the server rejected it; undefined when it did not. */
async function run(
  session: Session,
  { sql }: Pick<PropertyStatement, 'sql'>,
): Promise<string | undefined> {
  try {
    await session.query(sql);
    return undefined;
  } catch (error) {
    const state = sqlStateOf(error);
    if (state === undefined || state.startsWith('57P'))
      throw databaseError(
        error,
        session.target,
        (at) => `cannot set the properties of the database on ${at}`,
      );
    return `${serverMessage(error)} (SQLSTATE ${state})`;
  }
}

/** Without our own words around it, which quote the statement: its value may be a secret. */
function serverMessage(error: unknown): string {
  let at = error;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  return messageOf(at);
}

/** Superusers ignore the limit; for another role it would end the restore. */
async function tooFew(
  session: Session,
  { limit }: PropertyStatement,
  { connections }: ApplyOptions,
): Promise<string | undefined> {
  if (limit === undefined || limit < 0 || limit >= connections) return undefined;
  const [row] = await session.query<{ is: boolean }>(
    "SELECT pg_catalog.current_setting('is_superuser') = 'on' AS is",
  );
  if (row?.is === true) return undefined;
  return `the restore itself needs ${connections} connections until its end. Set the limit afterwards`;
}

/** The tablespace is chosen when the database is created: later, nothing may use the database. */
async function otherTablespace(
  session: Session,
  { tablespace }: DatabaseProperties,
): Promise<LackingProperty[]> {
  if (tablespace === undefined) return [];
  const [row] = await session.query<{ name: string }>(
    `SELECT t.spcname::text AS name FROM pg_catalog.pg_database d
     JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = current_database()`,
  );
  if (row === undefined || row.name === tablespace) return [];
  const wanted = quoteIdentifier(tablespace);
  return [
    {
      what: `TABLESPACE ${wanted} of the database`,
      reason: `the server has no such tablespace, or the role may not use it: the database is in ${row.name}. Create it, and run ALTER DATABASE ${quoteIdentifier(session.target.database)} SET TABLESPACE ${wanted}`,
    },
  ];
}
