import type { BlockArena, Staging } from './block-arena.ts';
import { type CopySink, createCopySink } from './copy-sink.ts';
import { checkedLength } from './message-header.ts';
import { FIELD, SPLIT } from './splitter/splitter.ts';

/** What a receiver needs of the connection that it reads from. */
export interface Wire {
  /** Bytes of messages that are not rows, for node-postgres's own parser; cut anywhere. */
  forward(bytes: Buffer): void;
  /** What comes is not what PostgreSQL says: the connection is of no use any more. */
  fail(error: Error): void;
  /** Go on reading, after `received` returned false. */
  resume(): void;
}

/** All that a server sends over one connection goes through here, so that it is always known where a message begins. */
export interface Receiver {
  /** Where the next read goes. */
  readonly readRegion: Uint8Array<ArrayBuffer>;
  /** So many bytes have been read. False: no room for more; the next read has to wait for `Wire.resume`. */
  received(bytesRead: number): boolean;
  /** Rows are coming, so many that a moment's wait for more of them costs nothing. */
  readonly streaming: boolean;
  /** From now on rows go to this sink. */
  openSink(): CopySink;
  /** Rows that come now are nobody's. */
  closeSink(): void;
  /** Nothing that is received any more is looked at. */
  close(): void;
}

/** An answer of less is waited for by somebody. */
const STREAM_BYTES_MIN = 1024 * 1024;

export function createReceiver(arena: BlockArena, staging: Staging, wire: Wire): Receiver {
  const { split, bytes } = arena;
  const { state, words, readStart, readRegion } = staging;
  let sink: CopySink | undefined;
  let srcEnd = readStart;
  /** Of a message that is not CopyData. */
  let otherBytesLeft = 0;
  let waiting = false;
  let closed = false;
  let bytesForSink = 0;
  words.fill(0);
  words[FIELD.at] = readStart;

  const at = () => words[FIELD.at] ?? 0;

  /** Works on what has been read. False: it has to wait, and keeps the rest. */
  function pump(): boolean {
    while (!closed) {
      if (otherBytesLeft > 0) {
        forward();
        if (otherBytesLeft > 0) return carryOver();
        continue;
      }
      if (sink?.blocked === true) return wait();
      const status = split(state, srcEnd);
      if (status === SPLIT.more) return carryOver();
      if (status === SPLIT.other) {
        const length = checkedLength(bytes, at());
        if (length === undefined) fail('something that is no message of PostgreSQL');
        else otherBytesLeft = length;
      } else if (sink === undefined) {
        fail('rows that nobody asked for');
      } else if (!sink.advance(status)) {
        return wait();
      }
    }
    return true;
  }
  function wait(): boolean {
    waiting = true;
    return false;
  }
  /** The beginning of a message, to where the next read continues it. */
  function carryOver(): boolean {
    bytes.copyWithin(readStart - (srcEnd - at()), at(), srcEnd);
    words[FIELD.at] = readStart - (srcEnd - at());
    srcEnd = readStart;
    return true;
  }
  function forward(): void {
    const from = at();
    const length = Math.min(otherBytesLeft, srcEnd - from);
    otherBytesLeft -= length;
    words[FIELD.at] = from + length;
    // A copy, as the parser keeps what is not whole, and what it makes of it may point into it.
    if (length > 0) wire.forward(Buffer.from(bytes.subarray(from, from + length)));
  }
  function fail(what: string): void {
    closed = true;
    wire.fail(new Error(`the server sent ${what}`));
  }
  /** A reader that is slow closes its sink when the next connection may already receive in this place. */
  function closeSink(): void {
    sink?.leave();
    sink = undefined;
  }
  function kick(): void {
    if (!waiting || closed) return;
    waiting = false;
    if (pump()) wire.resume();
  }

  return {
    readRegion,
    received: (bytesRead) => {
      if (closed) return true;
      srcEnd = readStart + bytesRead;
      bytesForSink += bytesRead;
      return pump();
    },
    get streaming() {
      return sink !== undefined && bytesForSink > STREAM_BYTES_MIN;
    },
    openSink: () => {
      sink = createCopySink(arena, staging, kick);
      bytesForSink = 0;
      return sink;
    },
    closeSink,
    close: () => {
      closed = true;
      closeSink();
    },
  };
}
