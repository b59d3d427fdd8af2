import type { Cutting } from '../cutting.ts';

/**
 * What receiving has to give, as simply as it can be said: a specification, and what property tests
 * compare the fast way with. Nothing in
 * the product calls it.
 */
export interface WireMessage {
  /** One character; `d` is CopyData. */
  readonly type: string;
  readonly payload: Uint8Array;
}

export interface ReferenceBlock {
  readonly kind: 'rows' | 'long-row';
  readonly bytes: Buffer;
  /** Newline bytes in it. */
  readonly rows: number;
}

const NEWLINE = 0x0a;

/**
 * The blocks that the CopyData messages of one COPY give. Rows are put into a block message by
 * message. It is handed out
 * - by content: at the end of a message that ends a row, when the block has its least length and
 * the hash says so;
 * - for want of room: up to the last end of a row, when the next message does not fit. What follows
 * that end begins the next block.
 * When the room is full and no row has ended, the row is too long: it is handed out as it comes, up
 * to its end.
 */
export function referenceBlocks(
  messages: readonly WireMessage[],
  cutting: Cutting,
): ReferenceBlock[] {
  const { blockBytesMin, blockBytesMax, factor } = cutting;
  const blocks: ReferenceBlock[] = [];
  let room = Buffer.alloc(0);
  /** What of a long row has been handed out. */
  let long: Buffer[] | undefined;

  for (const { type, payload } of messages) {
    if (type !== 'd' || payload.length === 0) continue;
    while (payload.length > blockBytesMax - room.length && room.includes(NEWLINE)) cutAtRowEnd();
    let rest = Buffer.from(payload);
    while (rest.length > blockBytesMax - room.length) {
      const fits = blockBytesMax - room.length;
      room = Buffer.concat([room, rest.subarray(0, fits)]);
      rest = rest.subarray(fits);
      if (room.includes(NEWLINE)) cutAtRowEnd();
      else passOnLong();
    }
    room = Buffer.concat([room, rest]);
    const rowEnded = room.at(-1) === NEWLINE;
    if (rowEnded && long !== undefined) cutAtRowEnd();
    else if (rowEnded && room.length >= blockBytesMin && isCut(payload)) cutAtRowEnd();
  }
  if (long !== undefined) {
    handOut('long-row', Buffer.concat([...long, room]));
  } else if (room.length > 0) {
    handOut('rows', room);
  }
  return blocks;

  function isCut(payload: Uint8Array): boolean {
    return BigInt(messageHash(payload)) < BigInt(payload.length) * BigInt(factor);
  }
  function cutAtRowEnd(): void {
    const end = (long === undefined ? room.lastIndexOf(NEWLINE) : room.indexOf(NEWLINE)) + 1;
    handOut(
      long === undefined ? 'rows' : 'long-row',
      Buffer.concat([...(long ?? []), room.subarray(0, end)]),
    );
    long = undefined;
    room = room.subarray(end);
  }
  function passOnLong(): void {
    long = [...(long ?? []), room];
    room = Buffer.alloc(0);
  }
  function handOut(kind: ReferenceBlock['kind'], bytes: Buffer): void {
    blocks.push({ kind, bytes, rows: bytes.filter((byte) => byte === NEWLINE).length });
  }
}

const HASHED_BYTES_MAX = 4096;
const KEYS = [0x4f1b, 0x6e27, -0x35a5, 0x2c95, -0x5b2f, 0x7a13, 0x1d4d, -0x6473];
const STEPS = [0x3a35, 0x5c6b, 0x1f97, -0x4eb3, 0x6b4f, -0x2d11, 0x7265, 0x0a3d];
const U64 = 64;

/** 32 bits that depend on the first 4,096 bytes and on the length; splitter.wat says how. */
export function messageHash(payload: Uint8Array): number {
  const hashed = payload.subarray(0, HASHED_BYTES_MAX);
  const padded = Buffer.alloc(Math.ceil(hashed.length / 16) * 16);
  padded.set(hashed);
  const sums = new Int32Array(4);
  for (let at = 0; at < padded.length; at += 16) {
    const keys = Int16Array.from(KEYS, (key, lane) => key + (STEPS[lane] ?? 0) * (at / 16));
    const product = (lane: number) => padded.readInt16LE(at + lane * 2) * (keys[lane] ?? 0);
    for (let sum = 0; sum < 4; sum += 1)
      sums[sum] = (sums[sum] ?? 0) + product(sum * 2) + product(sum * 2 + 1);
  }
  const [first = 0n, second = 0n] = new BigUint64Array(sums.buffer);
  const length = BigInt(payload.length) * 0x9e3779b97f4a7c15n;
  let mixed = BigInt.asUintN(U64, (first ^ BigInt.asUintN(U64, length)) * 0xbf58476d1ce4e5b9n);
  mixed = BigInt.asUintN(U64, (mixed ^ (mixed >> 32n) ^ second) * 0x94d049bb133111ebn);
  return Number(mixed >> 32n);
}
