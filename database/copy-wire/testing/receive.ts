import { blockArena } from '../block-arena.ts';
import { createReceiver } from '../receiver.ts';
import type { RowBlock } from '../row-block.ts';
import type { ReferenceBlock, WireMessage } from './splitter-reference.ts';

/**
 * What a server may send beside rows: answers, notices, errors, and what belongs to other protocols
 * of its.
 */
export const OTHER_TYPES = [...'NSAEHcCZT1t3nsIKRDGWVv2'];

export function encoded(messages: readonly WireMessage[]): Buffer {
  return Buffer.concat(
    messages.map(({ type, payload }) => {
      const head = Buffer.alloc(5);
      head.write(type, 'latin1');
      head.writeUInt32BE(payload.length + 4, 1);
      return Buffer.concat([head, payload]);
    }),
  );
}

export interface ReceiveOptions {
  readonly frameBytes: number;
  readonly blocks: number;
  /** Lengths of the reads, over and over. */
  readonly chunks: readonly number[];
}

export interface ReceivedCopies {
  readonly copies: readonly (readonly ReferenceBlock[])[];
  readonly others: Buffer;
}

const FILLED_BYTES_MAX = 8 * 1024 * 1024;

/** Stands at the end of each relation, where a server sends CommandComplete. */
const END: WireMessage = { type: 'C', payload: Buffer.from('an end of the test\0') };

/**
 * Sends the messages of relations through a receiver, read by read, and reads the blocks as they
 * come, holding some of them.
 */
export async function receive(
  relations: readonly (readonly WireMessage[])[],
  { frameBytes, blocks, chunks }: ReceiveOptions,
): Promise<ReceivedCopies> {
  const arena = blockArena({ connections: 1, blocks, frameBytes });
  const staging = await arena.connections.take();
  // No code may rely on old bytes. In a large arena only the end, which is used first, is filled.
  const filledFrom = Math.max(staging.readStart, arena.bytes.length - FILLED_BYTES_MAX);
  arena.bytes.fill(0x0a, staging.readStart, staging.readStart + staging.readRegion.length);
  arena.bytes.fill(0x0a, filledFrom);
  const bytes = Buffer.concat(
    relations.map((messages) => Buffer.concat([encoded(messages), encoded([END])])),
  );
  const ends = relations.map(
    (_, index) =>
      encoded(
        relations
          .slice(0, index + 1)
          .flatMap((messages) => [...messages.filter(({ type }) => type !== 'd'), END]),
      ).length,
  );
  const forwarded: Buffer[] = [];
  let forwardedBytes = 0;
  let ended = 0;
  let resumed = Promise.withResolvers<void>();
  const receiver = createReceiver(arena, staging, {
    forward: (part) => {
      forwarded.push(part);
      forwardedBytes += part.length;
      if (forwardedBytes !== ends[ended]) return;
      sink.copied(ended);
      ended += 1;
    },
    fail: (error) => sink.fail(error),
    resume: () => resumed.resolve(),
  });
  const sink = receiver.openSink();

  const sending = (async () => {
    for (let at = 0, n = 0; at < bytes.length; n += 1) {
      const length = Math.min(
        chunks[n % chunks.length] ?? 1,
        bytes.length - at,
        receiver.readRegion.length,
      );
      receiver.readRegion.set(bytes.subarray(at, at + length));
      at += length;
      resumed = Promise.withResolvers();
      if (!receiver.received(length)) await resumed.promise;
      // What was read must not be looked at again.
      receiver.readRegion.fill(0x0a, 0, length + 16);
    }
    sink.finish();
  })();
  const copies: ReferenceBlock[][] = [];
  let copy: ReferenceBlock[] = [];
  const held: { readonly block: Extract<RowBlock, { kind: 'rows' }>; readonly bytes: Buffer }[] =
    [];
  const giveBack = (keep: number) => {
    for (const { block, bytes } of held.splice(0, Math.max(0, held.length - keep))) {
      if (!bytes.equals(block.rows)) throw new Error('rows have changed while they were held');
      block.release();
    }
  };
  for (let received = await sink.next(); received !== undefined; received = await sink.next()) {
    if (received.kind === 'copied') {
      copies.push(copy);
      copy = [];
    } else if (received.block.kind === 'long-row') {
      const parts: Buffer[] = [];
      for await (const chunk of received.block.chunks) parts.push(Buffer.from(chunk));
      const whole = Buffer.concat(parts);
      copy.push({
        kind: 'long-row',
        bytes: whole,
        rows: whole.filter((byte) => byte === 0x0a).length,
      });
    } else {
      const bytes = Buffer.from(received.block.rows);
      copy.push({ kind: 'rows', bytes, rows: received.block.count });
      held.push({ block: received.block, bytes });
    }
    giveBack(1);
  }
  giveBack(0);
  await sending;
  const others = Buffer.concat(forwarded);
  return { copies, others: others.subarray(0, others.length - encoded([END]).length) };
}
