import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binaryRows } from './binary.ts';
import { countRows } from './count.ts';
import { binaryRow } from './testing.ts';

const value = fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 40 }));
const rows = fc.array(fc.array(value, { maxLength: 4 }), { maxLength: 20 });

function chunked(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}

describe('the rows of COPY BINARY', () => {
  it('are counted in chunks of any length: NULLs, empty values, and rows without columns', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 50 }), (all, size) => {
        const count = countRows('binary');
        for (const chunk of chunked(Buffer.concat(all.map(binaryRow)), size)) count.feed(chunk);
        expect(count.count()).toBe(all.length);
      }),
    );
  });

  it('have no count when the last one is cut off', () => {
    const bytes = Buffer.concat([
      binaryRow([Buffer.from('a')]),
      binaryRow([null, Buffer.from('b')]),
    ]);
    for (
      let length = binaryRow([Buffer.from('a')]).length + 1;
      length < bytes.length;
      length += 1
    ) {
      const count = countRows('binary');
      count.feed(bytes.subarray(0, length));
      expect(count.count()).toBeUndefined();
    }
  });

  it.each([
    ['the end of a COPY', Buffer.from('ffff', 'hex')],
    ['the length of a value that is below -1', Buffer.from('0001fffffffe', 'hex')],
    ['rows of COPY text', Buffer.from('\xff\tabc\n', 'latin1')],
  ])('are not %s', (_, bytes) => {
    const walk = binaryRows();
    expect(walk.rowEnd(bytes, 0)).toBeUndefined();
    expect(walk.isMalformed).toBe(true);
    const count = countRows('binary');
    count.feed(bytes);
    expect(count.count()).toBeUndefined();
  });
});
