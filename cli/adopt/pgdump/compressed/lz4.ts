import { UnsoundScript } from '../../script/unsound.ts';
import type { Bytes } from '../bytes.ts';

/** How far back a block can refer to. */
const WINDOW_BYTES = 64 * 1024;
const MAGIC = 0x184d2204;
const BLOCK_BYTES_MAX = [0, 0, 0, 0, 64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024] as const;
const MATCH_BYTES_MIN = 4;

/**
 * One frame of LZ4, which Node cannot read (github.com/lz4/lz4, doc/lz4_Frame_format.md). Its end
 * mark proves that it is whole. pg_dump writes no checksums; those that are there are skipped.
 * @throws UnsoundScript when it is cut off or damaged.
 */
export async function* lz4Frame(bytes: Bytes): AsyncGenerator<Buffer> {
  if ((await bytes.take(4)).readUInt32LE() !== MAGIC) throw damaged();
  const [flags = 0, sizes = 0] = await bytes.take(2);
  const has = (bit: number) => (flags & bit) !== 0;
  if (flags >> 6 !== 1 || has(1)) throw new UnsoundScript('it is in an unknown format of LZ4');
  await bytes.take((has(8) ? 8 : 0) + 1);
  const blockMax = BLOCK_BYTES_MAX[(sizes >> 4) & 7] ?? 0;
  let window: Buffer = Buffer.alloc(0);
  for (;;) {
    const size = (await bytes.take(4)).readUInt32LE();
    if (size === 0) break;
    const length = size & 0x7fffffff;
    if (length > blockMax) throw damaged();
    const block = await bytes.take(length);
    if (has(16)) await bytes.take(4);
    const isPlain = size > 0x7fffffff;
    const text = isPlain ? Buffer.from(block) : lz4Block(block, window, blockMax);
    yield text;
    window = windowBehind(window, text);
  }
  if (has(4)) await bytes.take(4);
}

function windowBehind(window: Buffer, text: Buffer): Buffer {
  const all = text.length >= WINDOW_BYTES ? text : Buffer.concat([window, text]);
  return Buffer.from(all.subarray(Math.max(0, all.length - WINDOW_BYTES)));
}

/** @param window the bytes before the block. */
function lz4Block(block: Buffer, window: Buffer, bytesMax: number): Buffer {
  const out = Buffer.allocUnsafe(window.length + bytesMax);
  window.copy(out);
  let [at, to] = [0, window.length];
  const byte = () => {
    const value = block[at++];
    if (value === undefined) throw damaged();
    return value;
  };
  const lengthOf = (nibble: number) => {
    let length = nibble;
    if (nibble === 15)
      for (let more = 255; more === 255; ) {
        more = byte();
        length += more;
      }
    return length;
  };
  while (at < block.length) {
    const token = byte();
    const literals = lengthOf(token >> 4);
    if (at + literals > block.length || to + literals > out.length) throw damaged();
    block.copy(out, to, at, at + literals);
    at += literals;
    to += literals;
    // The last sequence has only literals.
    if (at === block.length) return out.subarray(window.length, to);
    const offset = byte() + byte() * 256;
    const length = lengthOf(token & 15) + MATCH_BYTES_MIN;
    if (offset === 0 || offset > to || to + length > out.length) throw damaged();
    if (offset >= length) out.copyWithin(to, to - offset, to - offset + length);
    // The match overlaps what it writes: it repeats.
    else
      for (let end = to + length, copy = to; copy < end; copy++)
        out[copy] = out[copy - offset] ?? 0;
    to += length;
  }
  throw damaged();
}

const damaged = () => new UnsoundScript('its LZ4 stream is damaged');
