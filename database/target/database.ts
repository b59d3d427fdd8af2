import { messageOf } from '../../backup-set/base/errors.ts';
import type { Locale } from '../../backup-set/documents/plan.ts';
import { localeClause } from '../catalog/locale.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { withMaintenanceSession } from '../session/maintenance.ts';
import { quoteIdentifier, quoteLiteral } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { restoreRefused } from './refused.ts';
import { NEW_LIMIT } from './unfinished/mark.ts';

/** Whether the target's database exists. */
export async function databaseExists(
  target: ConnectionTarget,
  signal?: AbortSignal | undefined,
): Promise<boolean> {
  return withMaintenanceSession(target, signal, async (session) => {
    const [row] = await session.query<{ exists: boolean }>(
      'SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1) AS exists',
      [target.database],
    );
    return row?.exists === true;
  });
}

export interface DatabaseOptions {
  readonly encoding: string;
  /** Absent = the server's default; where the default does not support the encoding, `C`. */
  readonly locale?: Locale;
  /** Absent, or where the server or the role lacks it = the server's default. */
  readonly tablespace?: string | undefined;
}

/**
 * Creates the target's database, empty, from template0, with the connection limit NEW_LIMIT.
 * @throws StowageError `restore/refused` when the database exists, or when the server does not know
 * the locale: another locale would sort and compare text differently.
 */
export async function createDatabase(
  target: ConnectionTarget,
  options: DatabaseOptions,
  signal?: AbortSignal | undefined,
): Promise<void> {
  const { tablespace, ...others } = options;
  if (tablespace === undefined) return createIn(target, others, '', signal);
  const clause = ` TABLESPACE ${quoteIdentifier(tablespace)}`;
  await createIn(target, others, clause, signal).catch((error: unknown) => {
    if (!NO_TABLESPACE.has(sqlStateOf(error) ?? '')) throw error;
    return createIn(target, others, '', signal);
  });
}

/** undefined_object, insufficient_privilege. */
const NO_TABLESPACE: ReadonlySet<string> = new Set(['42704', '42501']);

async function createIn(
  target: ConnectionTarget,
  { encoding, locale }: Omit<DatabaseOptions, 'tablespace'>,
  tablespace: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { database } = target;
  const create = `CREATE DATABASE ${quoteIdentifier(database)} TEMPLATE template0 ENCODING ${quoteLiteral(encoding)} CONNECTION LIMIT ${NEW_LIMIT}${tablespace}`;
  await withMaintenanceSession(target, signal, async (session) => {
    try {
      using _ = session.mayBeSilent();
      if (locale !== undefined) await session.query(`${create} ${localeClause(locale)}`);
      else await session.query(create).catch((error: unknown) => inLocaleC(session, create, error));
    } catch (error) {
      const state = sqlStateOf(error);
      if (state === '42P04') throw restoreRefused(target, `database ${database} exists`, error);
      if (locale === undefined || !LOCALE_UNKNOWN.has(state ?? '')) throw error;
      const wanted = locale.name ?? locale.collate;
      const message = `this server cannot create a database with the locale ${wanted} (${locale.provider}); create it yourself and restore without --create`;
      throw restoreRefused(target, `${message}: ${messageOf(error)}`, error);
    }
  });
}

/** Removes the connection limit of a new database, once it has its mark. */
export async function openDatabase(session: Session): Promise<void> {
  await session.query(
    `ALTER DATABASE ${quoteIdentifier(session.target.database)} CONNECTION LIMIT -1`,
  );
}

/**
 * Drops the target's database. @throws StowageError `restore/refused` while sessions use it.
 */
export async function dropDatabase(target: ConnectionTarget, signal: AbortSignal): Promise<void> {
  const { database } = target;
  await withMaintenanceSession(target, signal, async (session) => {
    try {
      await session.query(`DROP DATABASE ${quoteIdentifier(database)}`);
    } catch (error) {
      if (sqlStateOf(error) !== '55006') throw error;
      const message = `database ${database} cannot be dropped: ${messageOf(error)}. End the sessions that use it, and retry`;
      throw restoreRefused(target, message, error);
    }
  });
}

/**
 * invalid_parameter_value, wrong_object_type: the locale has another encoding or is not installed.
 */
const LOCALE_UNKNOWN: ReadonlySet<string> = new Set(['22023', '42809']);

async function inLocaleC(session: Session, create: string, error: unknown): Promise<void> {
  if (sqlStateOf(error) !== '22023') throw error;
  await session.query(`${create} LOCALE 'C'`);
}
