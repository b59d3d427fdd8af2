import { interruptedError, onAbort, throwIfInterrupted } from '../../async/abort.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import type { RowFormat } from '../../backup-set/documents/receipt.ts';
import { type CopyStatement, copyStatement } from '../copy-wire/copy-statement.ts';
import type { RowBlock } from '../copy-wire/row-block.ts';
import type { DiscoveredRelation } from '../discovered.ts';
import { databaseError } from '../session/database-error.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { rowTooLong } from './row-limit.ts';

export type CopyRelation = Pick<DiscoveredRelation, 'schema' | 'name' | 'columns' | 'condition'> & {
  /** Without a condition: only rows in these blocks of the table, up to the second or its end. */
  readonly blocks?: readonly [from: number, to: number | undefined];
  /** Instead of the table: the rows of this query. */
  readonly query?: string;
};

export interface CopyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Encoding of the bytes: that of the source database, so that no byte is converted. */
  readonly encoding: string;
  /** Absent = COPY text. */
  readonly rowFormat?: RowFormat | undefined;
}

export interface CopyOut {
  /**
   * The rows in COPY text format, as blocks of whole rows. In COPY BINARY the bytes of all blocks
   * are the rows, but a block may end anywhere, and its count means nothing. Read once; leaving
   * early ends the session.
   */
  readonly blocks: AsyncIterable<RowBlock>;
  /**
   * How many rows the server sent, by its CommandComplete: the end of the bytes alone does not
   * prove
   * that they are all there. Resolves after the last block was read.
   */
  rowsCounted(): Promise<number>;
}

/** One of several relations; `rowsCounted` is known when `blocks` has ended. */
export interface RelationCopy<Relation extends CopyRelation> extends CopyOut {
  readonly relation: Relation;
}

/**
 * Receives the rows of one relation, over a session that was opened with `receive`. An abort or an
 * error ends the session and its backend. Blocks that the caller holds stay valid until released.
 * @throws StowageError from `blocks` and `rowsCounted`: as `Session.query`, or `interrupted`.
 */
export function copyOut(session: Session, relation: CopyRelation, options: CopyOptions): CopyOut {
  const counted = Promise.withResolvers<number>();
  counted.promise.catch(() => {});
  return {
    blocks: readOne(session, relation, options, counted),
    rowsCounted: () => counted.promise,
  };
}

async function* readOne(
  session: Session,
  relation: CopyRelation,
  options: CopyOptions,
  counted: PromiseWithResolvers<number>,
): AsyncGenerator<RowBlock> {
  try {
    let rows = 0;
    for await (const copy of copyOutMany(session, [relation], options)) {
      yield* copy.blocks;
      rows = await copy.rowsCounted();
    }
    // Only when the server is ready for the next statement: an error may follow the rows.
    counted.resolve(rows);
  } catch (error) {
    counted.reject(error);
    throw error;
  } finally {
    counted.reject(failure(session, relation, new Error(NOT_READ)));
  }
}

const NOT_READ = 'the rows were not read to their end';

/**
 * Receives the rows of many relations by one query, in order: small relations are not worth a round
 * trip each. The blocks of each must be read to their end before the next relation. Otherwise as
 * `copyOut`. An error names its relation, and the relations before it are complete.
 */
export async function* copyOutMany<Relation extends CopyRelation>(
  session: Session,
  relations: readonly Relation[],
  { signal, encoding, rowFormat }: CopyOptions,
): AsyncGenerator<RelationCopy<Relation>> {
  let [current] = relations;
  if (current === undefined) return;
  throwIfInterrupted(signal);
  if (session.receiver === undefined)
    throw new TypeError('the session was opened without `receive`');
  const text = relations.map((relation) => copyOutText(relation, encoding, rowFormat)).join(';\n');
  const statement = copyStatement(text, session.receiver);
  let destroyed: Promise<void> | undefined;
  using _ = onAbort(signal, () => {
    destroyed = session.destroy();
    statement.close(new Error('interrupted'));
  });
  const failed = (error: unknown, relation: CopyRelation) =>
    signal?.aborted === true ? interruptedError(signal) : failure(session, relation, error);
  let complete = false;
  try {
    session.submit(statement, { doing: () => doing(current) });
    for (const relation of relations) {
      current = relation;
      const counted = Promise.withResolvers<number>();
      counted.promise.catch(() => {});
      let read = false;
      const over = (rows: number) => {
        read = true;
        counted.resolve(rows);
      };
      const blocks = readBlocks(statement, over, (error) => {
        const reason = failed(error, relation);
        counted.reject(reason);
        return reason;
      });
      yield { relation, blocks, rowsCounted: () => counted.promise };
      if (!read) throw new Error(NOT_READ);
    }
    const more = await statement.next();
    if (more?.kind === 'block' && more.block.kind === 'rows') more.block.release();
    if (more !== undefined) throw new Error('the server sent more COPY data than requested');
    complete = true;
  } catch (error) {
    throw failed(error, current);
  } finally {
    if (!complete) {
      statement.close(new Error(NOT_READ));
      await (destroyed ?? session.destroy());
    }
  }
}

/** The blocks of one relation, up to the server's count of its rows. */
async function* readBlocks(
  statement: CopyStatement,
  over: (rows: number) => void,
  failed: (error: unknown) => StowageError,
): AsyncGenerator<RowBlock> {
  try {
    for (;;) {
      const received = await statement.next();
      if (received?.kind === 'copied') return over(received.rows);
      if (received === undefined) throw new Error('the server ended the COPY without a row count');
      const { block } = received;
      yield block.kind === 'rows' ? block : { ...block, chunks: readChunks(block.chunks, failed) };
    }
  } catch (error) {
    throw failed(error);
  } finally {
    // This has no effect once the rows are counted.
    failed(new Error(NOT_READ));
  }
}

async function* readChunks(
  chunks: AsyncIterable<Uint8Array>,
  failed: (error: unknown) => StowageError,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    throw failed(error);
  }
}

const doing = (relation: CopyRelation | undefined) =>
  relation === undefined ? 'COPY' : `COPY of ${relation.schema}.${relation.name}`;

function failure(session: Session, { schema, name }: CopyRelation, error: unknown): StowageError {
  const relation = `${schema}.${name}`;
  if (isStowageError(error, 'database/stalled'))
    return new StowageError(error.code, error.message, {
      cause: error,
      where: { ...error.where, relation },
    });
  if (error instanceof StowageError) return error;
  const cause = databaseError(
    error,
    session.target,
    (place) => `cannot read the rows of ${relation} on ${place}`,
  );
  const { code, message } = rowTooLong(error, cause);
  return new StowageError(code, message, { cause, where: { ...cause.where, relation } });
}

function copyOutText(
  relation: CopyRelation,
  encoding: string,
  rowFormat: RowFormat | undefined,
): string {
  const copy = `COPY ${copySource(relation)} TO STDOUT`;
  return rowFormat === undefined
    ? `${copy} WITH (FORMAT text, ENCODING ${quoteLiteral(encoding)})`
    : `${inEncoding(encoding)}${copy} WITH (FORMAT binary);\n${inEncoding('UTF8')}`;
}

/**
 * Before a COPY in binary, which ignores ENCODING. In the same query, because the server reads
 * the whole query, with its names, in the encoding from before.
 */
export function inEncoding(encoding: string): string {
  return `SET LOCAL client_encoding TO ${quoteLiteral(encoding)};\n`;
}

/** The table, or a query where a condition or blocks select some of its rows. */
export function copySource(relation: CopyRelation): string {
  const { schema, name, columns, blocks, query } = relation;
  // A comment at its end must not hide the parenthesis.
  if (query !== undefined) return `(${query}\n)`;
  const condition = relation.condition ?? (blocks && liesIn(blocks));
  const table = quoteQualified({ schema, name });
  if (condition === undefined) return `${table}${columnList(columns)}`;
  return `(SELECT ${columns.map(quoteIdentifier).join(', ')} FROM ONLY ${table} WHERE ${condition})`;
}

/** PostgreSQL 14 and newer read only these blocks (a Tid Range Scan). */
function liesIn([from, to]: NonNullable<CopyRelation['blocks']>): string {
  const before = to === undefined ? '' : ` AND ctid < '(${to},0)'`;
  return `ctid >= '(${from},0)'${before}`;
}

/** `COPY t () …` is a syntax error: a table without columns gets no list. */
export function columnList(columns: readonly string[]): string {
  return columns.length === 0 ? '' : ` (${columns.map(quoteIdentifier).join(', ')})`;
}
