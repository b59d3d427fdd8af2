import type { Connection, Submittable } from 'pg';
import { StowageError } from '../../backup-set/base/errors.ts';
import { databaseError, sqlStateOf } from '../session/database-error.ts';
import type { QueryHandlers } from '../session/pg-internals.ts';
import { placeOf } from '../session/place.ts';
import type { Session } from '../session/session.ts';
import type { GlobalStatement } from './statements.ts';

/** duplicate_object: roles and tablespaces of the globals may exist already. */
const DUPLICATE_OBJECT = '42710';
const ERRORS_NAMED_MAX = 5;

/**
 * Runs all statements, over a session that is used for nothing else: the globals set its encoding.
 * What exists already is left as it is. After another error it runs the rest, as psql does.
 * @throws StowageError `database/failed` with line, message and SQLSTATE of the first errors; the
 * error of a connection that broke.
 */
export async function runGlobals(
  session: Session,
  statements: Iterable<GlobalStatement>,
): Promise<void> {
  const errors: string[] = [];
  for (const { bytes, line } of statements) {
    try {
      await runBytes(session, bytes);
    } catch (error) {
      const state = sqlStateOf(error);
      if (state === undefined || state.startsWith('57P'))
        throw databaseError(error, session.target, (at) => `cannot restore the globals on ${at}`);
      if (state === DUPLICATE_OBJECT || !(error instanceof Error)) continue;
      if (errors.length < ERRORS_NAMED_MAX)
        errors.push(`line ${line}: ${error.message} (SQLSTATE ${state})`);
    }
  }
  if (errors.length === 0) return;
  const { target } = session;
  const message = `failed to restore the globals on ${placeOf(target)}: ${errors.join('; ')}`;
  throw new StowageError('database/failed', message, {
    ...(target.content === undefined ? {} : { where: { content: target.content } }),
  });
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
