import type { BlockArena, Staging } from './block-arena.ts';
import { type CopySink, createCopySink } from './copy-sink.ts';
import { checkedLength } from './message-header.ts';
import { FIELD, SPLIT } from './splitter/splitter.ts';

/** What a receiver needs from the connection that it reads. */
export interface Wire {
  /** Passes bytes of other messages than rows to the parser of node-postgres; split anywhere. */
  forward(bytes: Buffer): void;
  /** The server broke the protocol: the connection cannot be used any more. */
  fail(error: Error): void;
  /** Continues reading after `received` returned false. */
  resume(): void;
}

/**
 * Receives everything that a server sends over one connection, and so knows where each message
 * begins.
 */
export interface Receiver {
  /** The memory for the next read. */
  readonly readRegion: Uint8Array<ArrayBuffer>;
  /**
   * Takes that many bytes from the region. False: there is no room; the next read must wait for
   * `Wire.resume`.
   */
  received(bytesRead: number): boolean;
  /** True while a COPY sends so many rows that a short wait for more of them costs nothing. */
  readonly streaming: boolean;
  /** True while nothing is read, because there is no room for it. */
  readonly isFull: boolean;
  /** Creates the sink that receives rows from now on. */
  openSink(): CopySink;
  /** From now on rows are a protocol error. */
  closeSink(): void;
  /** Ignores everything that is received from now on. */
  close(): void;
}

/** A caller waits for a smaller answer, so it must not be delayed. */
const STREAM_BYTES_MIN = 1024 * 1024;

export function createReceiver(arena: BlockArena, staging: Staging, wire: Wire): Receiver {
  const { split, bytes } = arena;
  const { state, words, readStart, readRegion } = staging;
  let sink: CopySink | undefined;
  let srcEnd = readStart;
  /** Bytes left of a message that is not CopyData. */
  let otherBytesLeft = 0;
  let waiting = false;
  let closed = false;
  let bytesForSink = 0;
  words.fill(0);
  words[FIELD.at] = readStart;

  const at = () => words[FIELD.at] ?? 0;

  /** Processes what has been read. False: it must wait, and keeps the rest. */
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
        if (length === undefined) fail('bytes that are not a PostgreSQL message');
        else otherBytesLeft = length;
      } else if (sink === undefined) {
        fail('rows without a COPY');
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
  /** Moves an incomplete message to just before the next read, which continues it. */
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
    // A copy, because the parser keeps incomplete messages, and its results may refer to the bytes.
    if (length > 0) wire.forward(Buffer.from(bytes.subarray(from, from + length)));
  }
  function fail(what: string): void {
    closed = true;
    wire.fail(new Error(`the server sent ${what}`));
  }
  /** A slow reader closes its sink later, when another connection may already use this memory. */
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
    get isFull() {
      return waiting;
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
