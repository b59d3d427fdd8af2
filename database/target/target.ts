import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Locale } from '../../backup-set/documents/plan.ts';
import { localeClause } from '../catalog/locale.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { withMaintenanceSession } from '../session/maintenance.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';

const RELATIONS_PER_STATEMENT = 100;

export async function databaseExists(
  target: ConnectionTarget,
  signal?: AbortSignal | undefined,
): Promise<boolean> {
  return withMaintenanceSession(target, signal, async (session) => {
    const rows = await session.query('SELECT FROM pg_database WHERE datname = $1', [
      target.database,
    ]);
    return rows.length > 0;
  });
}

export interface DatabaseOptions {
  readonly encoding: string;
  /** Absent = the server's own; where that cannot hold the encoding, `C`. */
  readonly locale?: Locale;
}

/**
 * Creates the target's database, empty, from template0.
 * @throws StowageError `restore/refused` when it exists, or when the server does not know the locale: with another one
 * text would sort and compare otherwise, and nobody would have been asked.
 */
export async function createDatabase(
  target: ConnectionTarget,
  { encoding, locale }: DatabaseOptions,
  signal?: AbortSignal | undefined,
): Promise<void> {
  const create = `CREATE DATABASE ${quoteIdentifier(target.database)} TEMPLATE template0 ENCODING ${quoteLiteral(encoding)}`;
  await withMaintenanceSession(target, signal, async (session) => {
    try {
      if (locale !== undefined) await session.query(`${create} ${localeClause(locale)}`);
      else await session.query(create).catch((error: unknown) => inLocaleC(session, create, error));
    } catch (error) {
      const state = sqlStateOf(error);
      if (state === '42P04') throw refused(target, `the database ${target.database} exists`, error);
      if (locale === undefined || !LOCALE_UNKNOWN.has(state ?? '')) throw error;
      const wanted = locale.name ?? locale.collate;
      const message = `this server cannot make a database with the locale ${wanted} (${locale.provider}); create it yourself and restore without --create`;
      throw refused(target, `${message}: ${messageOf(error)}`, error);
    }
  });
}

/** invalid_parameter_value, wrong_object_type: the locale is of another encoding, or not installed. */
const LOCALE_UNKNOWN: ReadonlySet<string> = new Set(['22023', '42809']);

async function inLocaleC(session: Session, create: string, error: unknown): Promise<void> {
  if (sqlStateOf(error) !== '22023') throw error;
  await session.query(`${create} LOCALE 'C'`);
}

/** What is in the way of a restore, in the order of the question. */
export interface RelationState extends QualifiedName {
  readonly exists: boolean;
  readonly hasRows: boolean;
}

export async function relationStates(
  session: Session,
  relations: readonly QualifiedName[],
): Promise<RelationState[]> {
  const found = await session.query<{ at: number }>(
    `SELECT w.at::int AS at FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(schema, name, at)
     JOIN pg_namespace n ON n.nspname = w.schema
     JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name`,
    [relations.map(({ schema }) => schema), relations.map(({ name }) => name)],
  );
  const exists = new Set(found.map(({ at }) => at - 1));
  const filled = await whichHaveRows(session, relations, [...exists]);
  return relations.map(({ schema, name }, at) => ({
    schema,
    name,
    exists: exists.has(at),
    hasRows: filled.has(at),
  }));
}

async function whichHaveRows(
  session: Session,
  relations: readonly QualifiedName[],
  places: readonly number[],
): Promise<Set<number>> {
  const filled = new Set<number>();
  for (const batch of batches(places)) {
    const questions = batch.map((at) => {
      const relation = relations[at];
      return (
        relation && `SELECT ${at} AS at WHERE EXISTS (SELECT FROM ONLY ${quoteQualified(relation)})`
      );
    });
    const rows = await session.query<{ at: number }>(questions.join(' UNION ALL '));
    for (const { at } of rows) filled.add(at);
  }
  return filled;
}

/**
 * Empties all of these in one statement, so that they may refer to each other.
 * @throws StowageError `restore/refused` when a table that is not among them refers to one that is.
 */
export async function truncateRelations(
  session: Session,
  relations: readonly QualifiedName[],
): Promise<void> {
  if (relations.length === 0) return;
  const names = relations.map((relation) => `ONLY ${quoteQualified(relation)}`);
  try {
    await session.query(`TRUNCATE TABLE ${names.join(', ')}`);
  } catch (error) {
    if (sqlStateOf(error) !== '0A000') throw error;
    const detail = detailOf(error);
    throw refused(
      session.target,
      `a table that is not restored refers to one that would be emptied${detail}`,
      error,
    );
  }
}

/**
 * Lets rows in without firing triggers and foreign keys, which judge a table before the others are there.
 * @throws StowageError `database/denied` when the role may not.
 */
export async function suspendTriggers(session: Session): Promise<void> {
  try {
    await session.query('SET session_replication_role = replica');
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    const message = `loading into tables that keep their triggers and foreign keys needs a superuser (or SET on session_replication_role): ${session.target.user} is none`;
    throw new StowageError('database/denied', message, { cause: error });
  }
}

/** One statement each (a list of tables came with PostgreSQL 11), many in a round trip; one that fails is named. */
export async function analyzeRelations(
  session: Session,
  relations: readonly QualifiedName[],
): Promise<void> {
  const statements = relations.map((relation) => `ANALYZE ${quoteQualified(relation)}`);
  for (const batch of batches(statements)) {
    try {
      await session.query(batch.join('; '));
    } catch (error) {
      if (batch.length === 1 || sqlStateOf(error) === undefined) throw error;
      for (const statement of batch) await session.query(statement);
    }
  }
}

/** Fills materialized views in the order given, which is one in which each finds those it reads filled. */
export async function refreshViews(
  session: Session,
  views: readonly QualifiedName[],
): Promise<void> {
  for (const view of views)
    await session.query(`REFRESH MATERIALIZED VIEW ${quoteQualified(view)}`);
}

function* batches<T>(list: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < list.length; at += RELATIONS_PER_STATEMENT)
    yield list.slice(at, at + RELATIONS_PER_STATEMENT);
}

function refused({ content }: ConnectionTarget, message: string, cause: unknown): StowageError {
  return new StowageError('restore/refused', message, {
    cause,
    ...(content === undefined ? {} : { where: { content } }),
  });
}

/** The server's DETAIL, which names both tables of a foreign key. */
function detailOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'detail' in cause && typeof cause.detail === 'string'
    ? `: ${cause.detail}`
    : '';
}
