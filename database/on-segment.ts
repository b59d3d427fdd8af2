import { type CopyRelation, columnList } from './copy-out.ts';
import { interrupted } from './interrupted.ts';
import { quoteLiteral, quoteQualified } from './quote.ts';
import type { Session } from './session.ts';

interface OnSegmentOptions {
  readonly encoding: string;
  readonly signal?: AbortSignal | undefined;
}

type Table = Pick<CopyRelation, 'schema' | 'name' | 'columns'>;

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
  options: OnSegmentOptions & { /** False = on the coordinator alone. */ readonly everywhere: boolean },
): Promise<number> {
  return copy(session, table, `TO PROGRAM ${quoteLiteral(program)}`, options);
}

async function copy(
  session: Session,
  { schema, name, columns }: Table,
  how: string,
  { encoding, signal, everywhere = true }: OnSegmentOptions & { readonly everywhere?: boolean },
): Promise<number> {
  const cut = () => void session.destroy();
  signal?.addEventListener('abort', cut, { once: true });
  try {
    if (signal?.aborted === true) throw interrupted(signal);
    const table = `${quoteQualified({ schema, name })}${columnList(columns)}`;
    return await session.run(
      `COPY ${table} ${how} WITH (FORMAT text, ENCODING ${quoteLiteral(encoding)}${everywhere ? ', ON_SEGMENT' : ''})`,
      `copy ${schema}.${name} on the segments`,
    );
  } catch (error) {
    if (signal?.aborted === true) throw interrupted(signal);
    throw error;
  } finally {
    signal?.removeEventListener('abort', cut);
  }
}
