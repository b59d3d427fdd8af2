import { interruptedError } from '../../async/abort.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { type CopyStatement, copyStatement } from '../copy-wire/copy-statement.ts';
import type { RowBlock } from '../copy-wire/row-block.ts';
import type { DiscoveredRelation } from '../flavour.ts';
import { databaseError } from '../session/database-error.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';

export type CopyRelation = Pick<DiscoveredRelation, 'schema' | 'name' | 'columns' | 'condition'>;

export interface CopyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Encoding of the bytes; that of the database the rows came from, so that no byte is ever converted. */
  readonly encoding: string;
}

export interface CopyOut {
  /** The rows in COPY text format, as blocks of whole rows. To be read once; leaving early ends the session. */
  readonly blocks: AsyncIterable<RowBlock>;
  /**
   * What the server says it sent (CommandComplete): only this closes a relation, the end of the bytes does not.
   * Resolves after the last block was read.
   */
  rowsCounted(): Promise<number>;
}

/** One of several relations; `rowsCounted` is known when `blocks` has ended. */
export interface RelationCopy<Relation extends CopyRelation> extends CopyOut {
  readonly relation: Relation;
}

/**
 * Receives the rows of one relation, over a session that was opened with `receive`. After an abort or an error the
 * session is gone, and so is its backend; blocks that are held stay valid until they are released.
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
    // Not before the server is ready for the next statement: an error may follow the rows.
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
 * Receives the rows of many relations, one after the other, by one query: small ones are not worth a round trip each. The
 * blocks of each are to be read to their end before the next relation is asked for. For the rest as `copyOut`; an error names
 * the relation it is about, and those before it are complete.
 */
export async function* copyOutMany<Relation extends CopyRelation>(
  session: Session,
  relations: readonly Relation[],
  { signal, encoding }: CopyOptions,
): AsyncGenerator<RelationCopy<Relation>> {
  let [current] = relations;
  if (current === undefined) return;
  if (signal?.aborted === true) throw interruptedError(signal);
  if (session.receiver === undefined)
    throw new TypeError('this session was not opened to receive rows');
  const text = relations.map((relation) => copyOutText(relation, encoding)).join(';\n');
  const statement = copyStatement(text, session.receiver);
  let destroyed: Promise<void> | undefined;
  const abort = () => {
    destroyed = session.destroy();
    statement.close(new Error('interrupted'));
  };
  signal?.addEventListener('abort', abort, { once: true });
  const failed = (error: unknown, relation: CopyRelation) =>
    signal?.aborted === true ? interruptedError(signal) : failure(session, relation, error);
  let complete = false;
  try {
    session.submit(statement);
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
    if (more !== undefined) throw new Error('the server sent more than was asked for');
    complete = true;
  } catch (error) {
    throw failed(error, current);
  } finally {
    signal?.removeEventListener('abort', abort);
    if (!complete) {
      statement.close(new Error(NOT_READ));
      await (destroyed ?? session.destroy());
    }
  }
}

/** The blocks of one relation, up to the server's word on how many rows they are. */
async function* readBlocks(
  statement: CopyStatement,
  over: (rows: number) => void,
  failed: (error: unknown) => StowageError,
): AsyncGenerator<RowBlock> {
  try {
    for (;;) {
      const received = await statement.next();
      if (received?.kind === 'copied') return over(received.rows);
      if (received === undefined) throw new Error('the server ended without a count of the rows');
      const { block } = received;
      yield block.kind === 'rows' ? block : { ...block, chunks: readChunks(block.chunks, failed) };
    }
  } catch (error) {
    throw failed(error);
  } finally {
    // After the count, this says nothing any more.
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

function failure(session: Session, { schema, name }: CopyRelation, error: unknown): StowageError {
  if (error instanceof StowageError) return error;
  const relation = `${schema}.${name}`;
  const cause = databaseError(error, session.target, `copy out ${relation}`);
  return new StowageError(cause.code, cause.message, {
    cause,
    where: { ...cause.where, relation },
  });
}

function copyOutText(relation: CopyRelation, encoding: string): string {
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
