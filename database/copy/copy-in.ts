import { getDefaultHighWaterMark } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { type CopyStreamQuery, from as copyFrom } from 'pg-copy-streams';
import { onAbort, throwIfInterrupted } from '../../async/abort.ts';
import { asStowageError, messageOf, StowageError } from '../../backup-set/base/errors.ts';
import type { RowFormat } from '../../backup-set/documents/receipt.ts';
import { binaryFile } from '../../frame/rows/binary.ts';
import { databaseError } from '../session/database-error.ts';
import { quoteLiteral, quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { type CopyOptions, type CopyRelation, columnList, inEncoding } from './copy-out.ts';

export interface CopyInOptions extends CopyOptions {
  /** The statement, where it is not that of a set's rows. */
  readonly statement?: string;
  /** Begins a transaction in the same round trip; the caller ends it. */
  readonly begin?: boolean;
  /**
   * Aborted when the COPY has ended, so that a source that waits for something can stop waiting.
   */
  readonly over?: AbortController;
}

/** A larger chunk is sent as several messages, so that the server need not hold all of it. */
const MESSAGE_BYTES_MAX = 1024 * 1024;
/** Without a turn of the event loop after this much, an error of the server would not be seen. */
const YIELD_AFTER_BYTES = 1024 * 1024;
/** The socket takes less than this without a wait, before the kernel has the bytes. */
const QUEUED_BYTES_MAX = getDefaultHighWaterMark(false);
const ERROR_CHARS_MAX = 500;

/**
 * Loads rows, inside the caller's transaction, and returns how many rows the
 * server counted. The source is first asked when the server is ready for rows. Its chunks are sent
 * without a copy where they are large: it may reuse a chunk's memory when it is asked for the next.
 * When the source throws, the server is told to fail the COPY, and the transaction can only be
 * rolled back. The rows of COPY BINARY are those of frames, without its header and its end.
 * @throws StowageError as `Session.query`; `interrupted`; an error of the source.
 */
export async function copyIn(
  session: Session,
  relation: Pick<CopyRelation, 'schema' | 'name' | 'columns'>,
  source: AsyncIterable<Uint8Array>,
  {
    signal,
    encoding,
    rowFormat,
    statement,
    begin = false,
    over = new AbortController(),
  }: CopyInOptions,
): Promise<number> {
  const name = `${relation.schema}.${relation.name}`;
  throwIfInterrupted(signal);
  const stream = copyFrom(
    `${begin ? 'BEGIN; ' : ''}${statement ?? copyInStatement(relation, encoding, rowFormat)}`,
  );
  const { promise: rows, resolve, reject } = Promise.withResolvers<number>();
  stream.on('finish', () => {
    over.abort();
    resolve(stream.rowCount);
  });
  stream.on('error', (error) => {
    over.abort();
    reject(error);
  });
  // The server may be waiting for a lock or for rows. A cancel ends both waits.
  using _ = onAbort(signal, () => void session.destroy());
  const turn = { isOurs: false };
  session.submit(stream, { doing: () => `COPY into ${name}`, isOurTurn: () => turn.isOurs });
  const rowsToSend = rowFormat === undefined ? source : binaryFile(source);
  const sending = send(stream, rowsToSend, over.signal, turn);
  try {
    const count = await rows;
    if (rowFormat !== undefined) await session.query(inEncoding('UTF8'));
    return count;
  } catch (error) {
    throwIfInterrupted(signal);
    const failed = await sending;
    if (failed !== undefined) throw asStowageError(failed.sourceError);
    const cause = databaseError(
      error,
      session.target,
      (place) => `cannot load the rows of ${name} on ${place}`,
    );
    throw new StowageError(cause.code, cause.message, {
      cause,
      where: { ...cause.where, relation: name },
    });
  } finally {
    await sending;
  }
}

/** Sends the rows until the source ends or the COPY is over. Never throws. */
async function send(
  stream: CopyStreamQuery,
  source: AsyncIterable<Uint8Array>,
  over: AbortSignal,
  turn: { isOurs: boolean },
): Promise<{ readonly sourceError: unknown } | undefined> {
  let bytesInARow = 0;
  try {
    // Written when the server asks for rows: the source must not hold memory while we wait for
    // that.
    await write(stream, new Uint8Array(), over);
    if (over.aborted) return undefined;
    turn.isOurs = true;
    for await (const chunk of source) {
      turn.isOurs = false;
      for (let at = 0; at < chunk.byteLength && !over.aborted; at += MESSAGE_BYTES_MAX)
        await write(stream, chunk.subarray(at, at + MESSAGE_BYTES_MAX), over);
      // The kernel may still be reading this chunk: the source must not be asked for the next one.
      if (over.aborted) return undefined;
      bytesInARow += chunk.byteLength;
      if (bytesInARow >= YIELD_AFTER_BYTES) {
        bytesInARow = 0;
        await setImmediate();
      }
      turn.isOurs = true;
    }
    turn.isOurs = false;
    if (!over.aborted) stream.end();
    return undefined;
  } catch (sourceError) {
    if (over.aborted) return undefined;
    const text = messageOf(sourceError).replaceAll('\0', '').slice(0, ERROR_CHARS_MAX);
    stream.destroy(new Error(text));
    return { sourceError };
  }
}

/** Resolves when the bytes may be overwritten, or the COPY is over. */
async function write(stream: CopyStreamQuery, bytes: Uint8Array, over: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _ = onAbort(over, resolve);
  // pg-copy-streams waits for the kernel only where the socket asks for it, so small ones are
  // copied.
  stream.write(bytes.byteLength < QUEUED_BYTES_MAX ? Buffer.from(bytes) : bytes, () => resolve());
  await promise;
}

/** `COPY … FROM STDIN` of a relation. After one in binary, `inEncoding('UTF8')` must follow. */
export function copyInStatement(
  { schema, name, columns }: Pick<CopyRelation, 'schema' | 'name' | 'columns'>,
  encoding: string,
  rowFormat?: RowFormat,
): string {
  const copy = `COPY ${quoteQualified({ schema, name })}${columnList(columns)} FROM STDIN`;
  return rowFormat === undefined
    ? `${copy} WITH (FORMAT text, ENCODING ${quoteLiteral(encoding)})`
    : `${inEncoding(encoding)}${copy} WITH (FORMAT binary)`;
}
