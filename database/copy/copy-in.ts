import type { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Connection, Submittable } from 'pg';
import { throwIfInterrupted } from '../../async/abort.ts';
import { asStowageError, messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { databaseError } from '../session/database-error.ts';
import { quoteLiteral, quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { type CopyOptions, type CopyRelation, columnList } from './copy-out.ts';

export interface CopyInOptions extends CopyOptions {
  /** Begins a transaction in the same round trip; ending it is the caller's. */
  readonly begin?: boolean;
  /** Aborted when the server wants no more rows: a source that waits for something must not keep us waiting with it. */
  readonly over?: AbortController;
}

/**
 * Loads rows in COPY text format, inside the caller's transaction, and returns how many the server counted. When the
 * source throws, the server is told to fail the COPY; the transaction can then only be rolled back. What the source gives
 * is sent as it lies in memory, and is not looked at any more when the next is asked for.
 * @throws StowageError as `Session.query`; `interrupted`; what the source threw, as it is when it is one of ours.
 */
export async function copyIn(
  session: Session,
  relation: Pick<CopyRelation, 'schema' | 'name' | 'columns'>,
  source: AsyncIterable<Uint8Array>,
  { signal, encoding, begin = false, over }: CopyInOptions,
): Promise<number> {
  const name = `${relation.schema}.${relation.name}`;
  throwIfInterrupted(signal);
  const statement = `${begin ? 'BEGIN; ' : ''}${copyInStatement(relation, encoding)}`;
  const upload = new CopyInStatement(statement, source, over);
  // The server may be waiting for a lock, not for our bytes: a cancel reaches it in both.
  const abort = () => void session.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    session.submit(upload);
    return await upload.rows;
  } catch (error) {
    throwIfInterrupted(signal);
    if (upload.sourceError !== undefined) throw asStowageError(upload.sourceError);
    const cause = databaseError(error, session.target, `copy into ${name}`);
    throw new StowageError(cause.code, cause.message, {
      cause,
      where: { ...cause.where, relation: name },
    });
  } finally {
    signal?.removeEventListener('abort', abort);
    await upload.settled;
  }
}

function copyInStatement(
  { schema, name, columns }: Pick<CopyRelation, 'schema' | 'name' | 'columns'>,
  encoding: string,
): string {
  return `COPY ${quoteQualified({ schema, name })}${columnList(columns)} FROM STDIN WITH (FORMAT text, ENCODING ${quoteLiteral(encoding)})`;
}

const YIELD_AFTER_BYTES = 1024 * 1024;
/** A message: large enough that its header and the call cost nothing, small enough for the server to hold. */
const MESSAGE_BYTES = 1024 * 1024;
const COPY_DATA = 'd'.charCodeAt(0);
/** The message's type and its length, which counts itself and the rows. */
const HEADER_BYTES = 5;

/** What of node-postgres's connection the COPY protocol needs. */
type Wire = Connection & {
  readonly stream: Writable;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
};

/** One COPY FROM STDIN as node-postgres drives it: it calls the `handle…` methods as the server's messages arrive. */
class CopyInStatement implements Submittable {
  readonly rows: Promise<number>;
  /** Resolves when the source is not read any more. */
  settled: Promise<void> = Promise.resolve();
  sourceError: unknown;
  readonly #text: string;
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #outcome = Promise.withResolvers<number>();
  readonly #over: AbortController;
  #rowCount = Number.NaN;

  constructor(text: string, source: AsyncIterable<Uint8Array>, over = new AbortController()) {
    this.#text = text;
    this.#source = source;
    this.#over = over;
    this.rows = this.#outcome.promise;
  }

  submit(connection: Connection): void {
    connection.query(this.#text);
  }

  handleCopyInResponse(connection: Connection): void {
    this.settled = this.#pump(connection as Wire);
  }

  handleCommandComplete(message: { readonly text: string }): void {
    this.#rowCount = Number(/^COPY (\d+)$/.exec(message.text)?.[1] ?? Number.NaN);
  }

  handleReadyForQuery(): void {
    this.#over.abort();
    this.#outcome.resolve(this.#rowCount);
  }

  handleError(error: Error): void {
    this.#over.abort();
    this.#outcome.reject(error);
  }

  /** Ends in one of the server's answers in any case; never throws. */
  async #pump(wire: Wire): Promise<void> {
    const over = this.#over.signal;
    let bytesInARow = 0;
    try {
      for await (const chunk of this.#source) {
        if (over.aborted) return;
        // Without this wait the whole table would queue in memory.
        await sent(wire, chunk, over);
        // Over before the kernel had it all: the source must not take the memory back, which is still being read.
        if (over.aborted) return;
        bytesInARow += chunk.byteLength;
        // A fast source and a fast server never let the event loop see the server's error.
        if (bytesInARow >= YIELD_AFTER_BYTES) {
          bytesInARow = 0;
          await setImmediate();
        }
      }
      if (!over.aborted) wire.endCopyFrom();
    } catch (error) {
      if (over.aborted) return;
      this.sourceError = error;
      wire.sendCopyFail(messageOf(error).replaceAll('\0', '').slice(0, 500));
    }
  }
}

/**
 * Sends rows as CopyData messages; headers and rows go to the kernel in one call, and node-postgres's copy of the rows is spared.
 * Resolves when the kernel has them all, or the COPY is over.
 */
function sent({ stream }: Wire, rows: Uint8Array, over: AbortSignal): Promise<void> {
  if (rows.byteLength === 0) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  over.addEventListener('abort', end, { once: true });
  stream.cork();
  for (let at = 0; at < rows.byteLength; at += MESSAGE_BYTES) {
    const message = rows.subarray(at, at + MESSAGE_BYTES);
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    header[0] = COPY_DATA;
    header.writeUInt32BE(HEADER_BYTES - 1 + message.byteLength, 1);
    stream.write(header);
    stream.write(message, at + MESSAGE_BYTES < rows.byteLength ? undefined : end);
  }
  stream.uncork();
  return promise.finally(() => over.removeEventListener('abort', end));
}
