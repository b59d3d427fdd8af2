import type { Connection, Submittable } from 'pg';
import { StowageError } from '../../backup-set/base/errors.ts';
import { databaseError, sqlStateOf } from '../session/database-error.ts';
import type { QueryHandlers } from '../session/pg-internals.ts';
import { placeOf } from '../session/place.ts';
import type { Session } from '../session/session.ts';
import type { GlobalStatement } from './statements.ts';

/** duplicate_object: roles and tablespaces of the globals may exist already. */
const DUPLICATE_OBJECT = '42710';
/** unique_violation: another restore has just made it. */
const MADE_MEANWHILE = '23505';
const ERRORS_NAMED_MAX = 5;

/** What is done with roles and tablespaces that exist already. */
export interface GlobalsOptions {
  /** Alter them as the globals say; the role of the session is never altered. */
  readonly alter?: boolean;
}

/**
 * Runs the statements, over a session that is used for nothing else: the globals set its encoding.
 * Roles, with their settings and memberships, are made in one transaction: after an interruption
 * none of them exists. A role or tablespace that exists already is left as it is, except that it
 * can become a member of roles and gets rights. Settings of a role in a database are not run: they
 * are properties of the database. After another error it runs the rest, as psql does.
 * @returns the names of the roles that exist already and were left as they are.
 * @throws StowageError `database/failed` with line, message and SQLSTATE of the first errors; the
 * error of a connection that broke.
 */
export async function runGlobals(
  session: Session,
  statements: Iterable<GlobalStatement>,
  { alter = false }: GlobalsOptions = {},
): Promise<string[]> {
  const existing = existingObjects(alter, await readTarget(session));
  const errors: string[] = [];
  const transaction = transactionOf(session);
  for (const statement of statements) {
    if (existing.mustStay(statement)) continue;
    try {
      await transaction.run(statement);
      existing.note(statement, 'made');
    } catch (error) {
      const state = sqlStateOf(error);
      if (state === undefined || state.startsWith('57P'))
        throw databaseError(error, session.target, (at) => `cannot restore the globals on ${at}`);
      const exists = state === DUPLICATE_OBJECT || state === MADE_MEANWHILE;
      if (exists) existing.note(statement, 'found');
      if (exists || !(error instanceof Error)) continue;
      if (errors.length < ERRORS_NAMED_MAX)
        errors.push(`line ${statement.line}: ${error.message} (SQLSTATE ${state})`);
    }
  }
  await transaction.commit();
  if (errors.length === 0) return existing.rolesKept();
  const { target } = session;
  const message = `failed to restore the globals on ${placeOf(target)}: ${errors.join('; ')}`;
  throw new StowageError('database/failed', message, {
    ...(target.content === undefined ? {} : { where: { content: target.content } }),
  });
}

interface Target {
  /** The role of the session. */
  readonly own: string;
  readonly tablespaces: ReadonlySet<string>;
}

async function readTarget(session: Session): Promise<Target> {
  const rows = await session.query<{ name: string; own: string }>(
    'SELECT spcname::text AS name, current_user::text AS own FROM pg_catalog.pg_tablespace',
  );
  return { own: rows[0]?.own ?? '', tablespaces: new Set(rows.map(({ name }) => name)) };
}

/**
 * Which roles and tablespaces of the globals existed before. Of roles, their CREATE statements
 * tell; that of a tablespace can fail for its location first.
 */
function existingObjects(alter: boolean, { own, tablespaces }: Target) {
  const made = new Set<string>();
  const kept = new Set<string>();
  const isMade = (object: string, name: string) => made.has(`${object} ${name}`);
  return {
    mustStay({ effect, named }: GlobalStatement): boolean {
      if (effect.kind === 'in-database') return true;
      if (effect.kind === 'joins')
        return (
          !alter && effect.mayTake && !isMade('ROLE', effect.role) && !isMade('ROLE', effect.member)
        );
      if (effect.kind === 'makes' && effect.object === 'TABLESPACE')
        return tablespaces.has(named(effect.name));
      if (effect.kind !== 'changes' || isMade(effect.object, effect.name)) return false;
      const stays = !alter || (effect.object === 'ROLE' && named(effect.name) === own);
      if (stays && effect.object === 'ROLE') kept.add(named(effect.name));
      return stays;
    },
    note({ effect, named }: GlobalStatement, outcome: 'made' | 'found'): void {
      if (effect.kind !== 'makes') return;
      if (outcome === 'made') made.add(`${effect.object} ${effect.name}`);
      else if (effect.object === 'ROLE' && (!alter || named(effect.name) === own))
        kept.add(named(effect.name));
    },
    rolesKept: () => [...kept].sort(),
  };
}

/** One transaction for the statements in a row that may be part of one, each with a savepoint. */
function transactionOf(session: Session) {
  let isOpen = false;
  const commit = async () => {
    if (isOpen) await session.query('COMMIT');
    isOpen = false;
  };
  return {
    commit,
    async run({ bytes, mayBeInTransaction }: GlobalStatement): Promise<void> {
      if (!mayBeInTransaction) {
        await commit();
        return runBytes(session, bytes);
      }
      if (!isOpen) await session.query('BEGIN');
      isOpen = true;
      await session.query('SAVEPOINT statement');
      try {
        await runBytes(session, bytes);
      } catch (error) {
        if (sqlStateOf(error) !== undefined) await session.query('ROLLBACK TO SAVEPOINT statement');
        throw error;
      }
      await session.query('RELEASE SAVEPOINT statement');
    },
  };
}

/**
 * Runs one statement whose text is in the session's encoding; node-postgres sends UTF-8 only. By
 * the extended protocol, in which the server refuses a text with two statements.
 */
function runBytes(session: Session, sql: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const nothing = () => {};
  const statement: Submittable & QueryHandlers = {
    submit: (connection: Connection) => {
      connection.stream.write(
        Buffer.concat([
          message('P', Buffer.from('\0'), sql, Buffer.from('\0\0\0')),
          message('B', Buffer.alloc(2 + 3 * 2)),
          message('E', Buffer.alloc(1 + 4)),
          message('S'),
        ]),
      );
    },
    handleRowDescription: nothing,
    handleDataRow: nothing,
    handlePortalSuspended: nothing,
    handleEmptyQuery: nothing,
    handleCommandComplete: nothing,
    handleError: reject,
    handleReadyForQuery: () => resolve(),
  };
  session.submit(statement, { doing: () => 'a statement of the globals' });
  return promise;
}

/** A message of the protocol: its type, its length without the type, and its fields. */
function message(type: string, ...fields: readonly Buffer[]): Buffer {
  const body = Buffer.concat(fields);
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}
