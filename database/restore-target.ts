import { StowageError } from '../backup-set/errors.ts';
import type { QualifiedName } from '../backup-set/selection.ts';
import { sqlStateOf } from './database-error.ts';
import type { ConnectionTarget } from './flavour.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from './quote.ts';
import { openSession, type Session } from './session.ts';

const RELATIONS_PER_STATEMENT = 100;
/** Where one connects to ask about databases; at least one of them is on every server. */
const MAINTENANCE_DATABASES = ['postgres', 'template1'] as const;

export async function databaseExists(target: ConnectionTarget, signal?: AbortSignal): Promise<boolean> {
  return maintaining(target, signal, async (session) => {
    const rows = await session.query('SELECT FROM pg_database WHERE datname = $1', [target.database]);
    return rows.length > 0;
  });
}

export interface DatabaseLook {
  readonly encoding: string;
  /** Absent = the server's own; where that cannot hold the encoding, `C`. */
  readonly locale?: string;
}

/**
 * Creates the target's database, empty, from template0.
 * @throws StowageError `restore/refused` when it exists; `database/denied`; `database/failed`.
 */
export async function createDatabase(
  target: ConnectionTarget,
  look: DatabaseLook,
  signal?: AbortSignal,
): Promise<void> {
  const create = (locale: string | undefined) =>
    `CREATE DATABASE ${quoteIdentifier(target.database)} TEMPLATE template0 ENCODING ${quoteLiteral(look.encoding)}` +
    (locale === undefined ? '' : ` LOCALE ${quoteLiteral(locale)}`);
  await maintaining(target, signal, async (session) => {
    try {
      await session.query(create(look.locale)).catch(async (error: unknown) => {
        // 22023: the server's locale is of another encoding, and C goes with all.
        if (sqlStateOf(error) !== '22023' || look.locale !== undefined) throw error;
        await session.query(create('C'));
      });
    } catch (error) {
      if (sqlStateOf(error) !== '42P04') throw error;
      throw refused(target, `the database ${target.database} exists`, error);
    }
  });
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
      return relation && `SELECT ${at} AS at WHERE EXISTS (SELECT FROM ONLY ${quoteQualified(relation)})`;
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

export async function analyzeRelations(session: Session, relations: readonly QualifiedName[]): Promise<void> {
  for (const batch of batches(relations))
    await session.query(`ANALYZE ${batch.map(quoteQualified).join(', ')}`);
}

/** Fills materialized views in the order given, which is one in which each finds those it reads filled. */
export async function refreshViews(session: Session, views: readonly QualifiedName[]): Promise<void> {
  for (const view of views) await session.query(`REFRESH MATERIALIZED VIEW ${quoteQualified(view)}`);
}

function* batches<T>(list: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < list.length; at += RELATIONS_PER_STATEMENT)
    yield list.slice(at, at + RELATIONS_PER_STATEMENT);
}

async function maintaining<T>(
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
  ask: (session: Session) => Promise<T>,
): Promise<T> {
  const options = { purpose: 'restore', applicationName: 'stowage restore', signal } as const;
  const [first, second] = MAINTENANCE_DATABASES;
  const session = await openSession({ ...target, database: first }, options).catch((error: unknown) => {
    if (sqlStateOf(error) !== '3D000') throw error;
    return openSession({ ...target, database: second }, options);
  });
  try {
    return await ask(session);
  } finally {
    await session.close();
  }
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
