import { to as copyTo } from 'pg-copy-streams';
import { databaseError } from './database-error.ts';
import type { DiscoveredRelation } from './flavour.ts';
import { interrupted } from './interrupted.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from './quote.ts';
import type { Session } from './session.ts';

export type CopyRelation = Pick<DiscoveredRelation, 'schema' | 'name' | 'columns' | 'condition'>;

export interface CopyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Encoding of the bytes; that of the database the rows came from, so that no byte is ever converted. */
  readonly encoding: string;
}

export interface CopyOut {
  /** The rows in COPY text format, cut anywhere. To be read once; leaving early ends the session. */
  readonly chunks: AsyncIterable<Buffer>;
  /**
   * What the server says it sent (CommandComplete): only this closes a relation, the end of the bytes does not.
   * Resolves after the last chunk was read.
   */
  rowsCounted(): Promise<number>;
}

/**
 * Streams the rows of one relation. After an abort or an error the session is gone, and so is its backend.
 * @throws StowageError from `chunks` and `rowsCounted`: as `Session.query`, or `interrupted`.
 */
export function copyOut(session: Session, relation: CopyRelation, options: CopyOptions): CopyOut {
  const counted = Promise.withResolvers<number>();
  counted.promise.catch(() => {});
  return { chunks: readRows(session, relation, options, counted), rowsCounted: () => counted.promise };
}

async function* readRows(
  session: Session,
  relation: CopyRelation,
  { signal, encoding }: CopyOptions,
  counted: PromiseWithResolvers<number>,
): AsyncGenerator<Buffer> {
  const name = `${relation.schema}.${relation.name}`;
  const failed = (error: unknown) =>
    signal?.aborted === true ? interrupted(signal) : databaseError(error, session.target, `copy out ${name}`);
  if (signal?.aborted === true) {
    counted.reject(interrupted(signal));
    throw interrupted(signal);
  }
  const stream = copyTo(copyOutStatement(relation, encoding));
  const ready = serverDone(stream);
  const abort = () => void session.destroy().finally(() => stream.destroy(new Error('interrupted')));
  signal?.addEventListener('abort', abort, { once: true });
  let complete = false;
  try {
    session.submit(stream);
    for await (const chunk of stream as AsyncIterable<Buffer>) yield chunk;
    // The end of the bytes precedes the server's word on them.
    counted.resolve(await ready);
    complete = true;
  } catch (error) {
    throw failed(error);
  } finally {
    signal?.removeEventListener('abort', abort);
    if (!complete) {
      counted.reject(failed(new Error('the rows were not read to their end')));
      stream.on('error', () => {}).destroy();
      await session.destroy();
    }
  }
}

/** The row count once the server is ready for the next statement, or the first error, whenever it comes. */
function serverDone(stream: ReturnType<typeof copyTo>): Promise<number> {
  const done = Promise.withResolvers<number>();
  done.promise.catch(() => {});
  const hooks = stream as unknown as { handleReadyForQuery(): void; handleError(error: Error): void };
  const handleError = hooks.handleError.bind(stream);
  hooks.handleReadyForQuery = () => done.resolve(stream.rowCount);
  hooks.handleError = (error) => {
    done.reject(error);
    // After the end of the bytes nobody listens for errors of the stream any more.
    if (stream.readableEnded || stream.destroyed) return;
    handleError(error);
  };
  return done.promise;
}

function copyOutStatement(relation: CopyRelation, encoding: string): string {
  return `COPY ${copySource(relation)} TO STDOUT WITH (FORMAT text, ENCODING ${quoteLiteral(encoding)})`;
}

/** What COPY names: the table, or a query where only some of its rows are wanted. */
export function copySource({ schema, name, columns, condition }: CopyRelation): string {
  const table = quoteQualified({ schema, name });
  if (condition === undefined) return `${table}${columnList(columns)}`;
  return `(SELECT ${columns.map(quoteIdentifier).join(', ')} FROM ONLY ${table} WHERE ${condition})`;
}

/** `COPY t () …` is no SQL: a table of zero columns goes without a list. */
export function columnList(columns: readonly string[]): string {
  return columns.length === 0 ? '' : ` (${columns.map(quoteIdentifier).join(', ')})`;
}
