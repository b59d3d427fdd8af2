import { once } from 'node:events';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import type { Compression } from '../../backup-set/files/names.ts';

const QUOTE = 0x22;
const NEWLINE = 0x0a;
const CHUNK_BYTES = 256 * 1024;

/** Counts the rows of COPY CSV while they pass. */
export interface RowCount {
  feed(chunk: Uint8Array): void;
  readonly rows: number;
  readonly bytes: number;
  /** Nothing has come after the end of the last row. */
  readonly isWhole: boolean;
}

/** A row ends with a newline outside of quotes. A quote inside of quotes is doubled. */
export function countCsvRows(): RowCount {
  let [rows, bytes, isQuoted, last] = [0, 0, false, NEWLINE];
  return {
    feed(chunk) {
      bytes += chunk.length;
      let quoted = isQuoted;
      let found = 0;
      for (let at = 0; at < chunk.length; at++) {
        const byte = chunk[at];
        if (byte === QUOTE) quoted = !quoted;
        else if (byte === NEWLINE && !quoted) found++;
      }
      isQuoted = quoted;
      rows += found;
      last = chunk.at(-1) ?? last;
    },
    get rows() {
      return rows;
    },
    get bytes() {
      return bytes;
    },
    get isWhole() {
      return !isQuoted && last === NEWLINE;
    },
  };
}

export interface Counting {
  /** Resolves when more bytes can be taken. */
  feed(chunk: Uint8Array): Promise<void>;
  /** @throws StowageError `gpbackup/stream` when the stream is not whole. */
  end(): Promise<{ readonly rows: number; readonly rowBytes: number }>;
  stop(): void;
}

/**
 * Decompresses a file of gpbackup beside its upload, and counts its rows. A program of gpbackup
 * that was killed ends its stream as one that has finished: only the stream itself tells.
 */
export function countingRows(name: string, compression: Compression): Counting {
  const count = countCsvRows();
  const broken = (why: string) =>
    new StowageError('gpbackup/stream', `${name} was not stored: ${why}`);
  const result = () => {
    if (!count.isWhole) throw broken('its last row is cut off');
    return { rows: count.rows, rowBytes: count.bytes };
  };
  if (compression === 'none')
    return {
      feed(chunk) {
        count.feed(chunk);
        return Promise.resolve();
      },
      end: () => Promise.resolve().then(result),
      stop: () => undefined,
    };
  const options = { chunkSize: CHUNK_BYTES };
  const decoder = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
  let failure: Error | undefined;
  let fed = 0;
  decoder.on('error', (error) => (failure = error));
  decoder.on('data', (chunk: Buffer) => count.feed(chunk));
  const fail = () => {
    if (failure !== undefined)
      throw broken(`its ${compression} stream is cut off or damaged (${messageOf(failure)})`);
  };
  return {
    async feed(chunk) {
      fail();
      fed += chunk.length;
      if (!decoder.write(chunk)) {
        const room = Promise.race([once(decoder, 'drain'), once(decoder, 'close')]);
        await room.catch(() => undefined);
      }
      fail();
    },
    async end() {
      fail();
      if (fed === 0) throw broken(`its ${compression} stream is empty`);
      const closed = once(decoder, 'close');
      decoder.end();
      await closed.catch(() => undefined);
      fail();
      // Node ends at the end of a zstd stream, whatever follows. gprestore does not.
      if (decoder.bytesWritten !== fed)
        throw broken(`bytes follow the end of its ${compression} stream`);
      return result();
    },
    stop: () => decoder.destroy(),
  };
}
