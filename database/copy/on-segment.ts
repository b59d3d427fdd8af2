import { interruptedError } from '../../async/abort.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { quoteLiteral } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { type CopyRelation, copySource } from './copy-out.ts';

interface OnSegmentOptions {
  readonly encoding: string;
  readonly signal?: AbortSignal | undefined;
}

type Table = Pick<CopyRelation, 'schema' | 'name' | 'columns' | 'condition'>;

/**
 * Has every segment load what its program writes, inside the caller's transaction, and returns the rows that all of them
 * counted. Greenplum refuses a row that belongs to another segment.
 * @throws StowageError as `Session.query`, with the program's own words (2F000); `interrupted`.
 */
export function copyFromPrograms(
  session: Session,
  table: Table,
  program: string,
  options: OnSegmentOptions,
): Promise<number> {
  return copy(session, table, `FROM PROGRAM ${quoteLiteral(program)}`, options);
}

/** Has every segment hand its rows to its program, and returns how many all of them counted. @throws as `copyFromPrograms`. */
export function copyToPrograms(
  session: Session,
  table: Table,
  program: string,
  options: OnSegmentOptions & {
    /** False = on the coordinator alone. */ readonly everywhere: boolean;
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
  const cut = () => void session.destroy();
  signal?.addEventListener('abort', cut, { once: true });
  try {
    if (signal?.aborted === true) throw interruptedError(signal);
    return await session.run(
      `COPY ${copySource(relation)} ${how} WITH (FORMAT text, ENCODING ${quoteLiteral(encoding)}${everywhere ? ', ON_SEGMENT' : ''})`,
      `copy ${relation.schema}.${relation.name} on the segments`,
    );
  } catch (error) {
    if (signal?.aborted === true) throw interruptedError(signal);
    if (!isStowageError(error, 'database/denied')) throw error;
    const message = `${error.message}; programs of the database need a superuser (since 7: pg_execute_server_program)`;
    throw new StowageError(error.code, message, { cause: error, where: error.where });
  } finally {
    signal?.removeEventListener('abort', cut);
  }
}
