import { interruptedError, onAbort, throwIfInterrupted } from '../../async/abort.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { quoteLiteral } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { type CopyRelation, copySource } from './copy-out.ts';
import { rowTooLong } from './row-limit.ts';

interface OnSegmentOptions {
  readonly encoding: string;
  readonly signal?: AbortSignal | undefined;
}

type Table = Pick<CopyRelation, 'schema' | 'name' | 'columns' | 'condition'>;

/**
 * Every segment loads what a program on its host writes, inside the caller's transaction. Returns
 * the
 * row count of all segments. Greenplum rejects a row that belongs to another segment.
 * @throws StowageError as `Session.query`, with the program's stderr (2F000); `interrupted`.
 */
export function copyFromPrograms(
  session: Session,
  table: Table,
  program: string,
  options: OnSegmentOptions,
): Promise<number> {
  return copy(session, table, `FROM PROGRAM ${quoteLiteral(program)}`, options);
}

/**
 * Every segment sends its rows to a program on its host. Returns the row count of all segments.
 * @throws as `copyFromPrograms`.
 */
export function copyToPrograms(
  session: Session,
  table: Table,
  program: string,
  options: OnSegmentOptions & {
    /** False = only the coordinator sends. */
    readonly everywhere: boolean;
  },
): Promise<number> {
  return copy(session, table, `TO PROGRAM ${quoteLiteral(program)}`, options);
}

async function copy(
  session: Session,
  relation: Table,
  how: string,
  { encoding, signal, everywhere = true }: OnSegmentOptions & { readonly everywhere?: boolean },
): Promise<number> {
  throwIfInterrupted(signal);
  using _ = onAbort(signal, () => void session.destroy());
  // No row passes through this connection.
  using __ = session.mayBeSilent();
  try {
    return await session.run(
      `COPY ${copySource(relation)} ${how} WITH (FORMAT text, ENCODING ${quoteLiteral(encoding)}${everywhere ? ', ON_SEGMENT' : ''})`,
      `copy the rows of ${relation.schema}.${relation.name} through programs`,
    );
  } catch (error) {
    if (signal?.aborted === true) throw interruptedError(signal);
    throw explained(error, relation);
  }
}

/** With what to do, where the server's message does not say it. */
function explained(error: unknown, { schema, name }: Table): unknown {
  if (!(error instanceof StowageError)) return error;
  const where = { ...error.where, relation: `${schema}.${name}` };
  const long = rowTooLong(error.cause, error);
  if (long.code !== error.code) {
    const message = `${long.message}. With backup.snapshot: barrier the table is read as COPY BINARY, in which a bytea has half the bytes`;
    return new StowageError(long.code, message, { cause: error, where });
  }
  if (error.code !== 'database/denied') return error;
  const message = `${error.message}; COPY … PROGRAM needs a superuser (since Greenplum 7: or pg_execute_server_program)`;
  return new StowageError(error.code, message, { cause: error, where: error.where });
}
