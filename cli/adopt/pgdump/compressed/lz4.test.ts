import { expect, test } from 'vitest';
import { UnsoundScript } from '../../script/unsound.ts';
import { bytesOf } from '../bytes.ts';
import { lz4Frame } from './lz4.ts';

/** `printf 'abcabcabcabcabcabcabcabcabc\n' | lz4 -BD --no-frame-crc`, with 64 KiB linked blocks. */
const HEAD = [0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0];
/** 3 literals, then 19 bytes from 3 before (it repeats itself), then 6 literals. */
const BLOCK = [0x3f, 0x61, 0x62, 0x63, 0x03, 0x00, 0x00, 0x60, 0x61, 0x62, 0x63, 0x61, 0x62, 0x0a];
const SIZE = [BLOCK.length, 0, 0, 0];
/** 4 bytes from 6 before, in the block before, then 1 literal. */
const LINKED = [0x00, 0x06, 0x00, 0x10, 0x2e];
const END = [0, 0, 0, 0];
const FRAME = Buffer.from([...HEAD, ...SIZE, ...BLOCK, LINKED.length, 0, 0, 0, ...LINKED, ...END]);

async function read(frame: Buffer): Promise<string> {
  async function* bytes() {
    for (const byte of frame) yield Buffer.from([byte]);
  }
  return Buffer.concat(await Array.fromAsync(lz4Frame(bytesOf(bytes())))).toString('latin1');
}

test('a frame of LZ4 with repeating and linked blocks is read', async () => {
  expect(await read(FRAME)).toBe('abcabcabcabcabcabcabcaabcab\nabca.');
});

test('a frame that is cut off anywhere is not sound', async () => {
  for (let length = 0; length < FRAME.length; length++)
    await expect(read(FRAME.subarray(0, length))).rejects.toThrow(UnsoundScript);
});

test('a reference to before the first byte is damage', async () => {
  const damaged = Buffer.from(FRAME);
  damaged[HEAD.length + 4 + 4] = 9;
  await expect(read(damaged)).rejects.toThrow('damaged');
});
