import { StowageError } from '../../backup-set/base/errors.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { placeOf } from '../session/place.ts';
import { openSession, type Session } from '../session/session.ts';

/** character_not_in_repertoire: the server cannot give a name as UTF-8. */
const NOT_UTF8 = '22021';

/**
 * Explains why the names of a database cannot be read. In a database of encoding SQL_ASCII a name
 * may be any bytes, and documents of a set are UTF-8.
 * @returns `error` itself when its cause is another one.
 */
export async function unreadableNames(session: Session, error: unknown): Promise<unknown> {
  if (sqlStateOf(error) !== NOT_UTF8) return error;
  const { target } = session;
  const names = await bytesOfNames(session).catch(() => []);
  const wrong = names.filter(({ bytes }) => !isUtf8(bytes));
  const [first] = wrong;
  if (first === undefined) return error;
  const shown = JSON.stringify(Buffer.from(first.bytes, 'hex').toString('latin1'));
  const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : '';
  const message = `${placeOf(target)}: the name of ${first.kind} ${shown}${more} is not UTF-8: its bytes are \\x${first.bytes}. Stowage stores names as UTF-8. Rename it; rows may have any bytes`;
  return new StowageError('database/failed', message, {
    cause: error,
    ...(target.content === undefined ? {} : { where: { content: target.content } }),
  });
}

/** Over a session of its own: the transaction of the first one has failed. */
async function bytesOfNames({
  target,
}: Session): Promise<readonly { readonly kind: string; readonly bytes: string }[]> {
  const session = await openSession(target, {
    purpose: 'probe',
    applicationName: 'stowage names',
  });
  try {
    return await session.query(
      `SELECT kind, encode(pg_catalog.convert_to(name::text, pg_catalog.getdatabaseencoding()), 'hex')
         AS bytes FROM (
           SELECT 'schema' AS kind, nspname AS name FROM pg_catalog.pg_namespace
         UNION ALL SELECT 'relation', relname FROM pg_catalog.pg_class
         UNION ALL SELECT 'type', typname FROM pg_catalog.pg_type
         UNION ALL SELECT 'column', attname FROM pg_catalog.pg_attribute
           WHERE attnum > 0 AND NOT attisdropped) names
       WHERE pg_catalog.octet_length(name::text) <> pg_catalog.length(
         pg_catalog.regexp_replace(name::text, '[^ -~]', '', 'g'))`,
    );
  } finally {
    await session.close();
  }
}

function isUtf8(hex: string): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(hex, 'hex'));
    return true;
  } catch {
    return false;
  }
}
