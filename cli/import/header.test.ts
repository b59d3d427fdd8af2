import { describe, expect, it } from 'vitest';
import { columnsToFill, readHeader } from './header.ts';

async function* inChunks(text: string, size: number) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const options = { delimiter: ',', quote: '"', escape: '"' };

describe('a header', () => {
  it.each([1, 3, 100])(
    'is read from chunks of %d bytes, and the stream stays whole',
    async (size) => {
      const text = '\uFEFFid,"a ""b"",c",é\r\n1,2,3\n';
      const { names, stream } = await readHeader(inChunks(text, size), 'x.csv', options);
      expect(names).toEqual(['id', 'a "b",c', 'é']);
      expect(Buffer.concat(await Array.fromAsync(stream)).toString()).toBe(text);
    },
  );

  it('has names with quotes behind an escape of their own', async () => {
    const text = '"a^"b","c^^",d^\n1,2,3\n';
    const own = { ...options, escape: '^' };
    const { names } = await readHeader(inChunks(text, 4), 'x.csv', own);
    expect(names).toEqual(['a"b', 'c^', 'd^']);
  });

  it('of an empty file is missing', async () => {
    await expect(readHeader(inChunks('', 1), 'x.csv', options)).rejects.toMatchObject({
      code: 'import/refused',
      message: 'file x.csv has no header: it has no first line',
    });
  });
});

describe('the columns of a file', () => {
  const table = { name: 'public.t', columns: ['a', 'b', 'c'] };
  it('are those of its header, in its order', () => {
    expect(columnsToFill(table, 'f', undefined, ['c', 'a'])).toEqual(['c', 'a']);
    expect(columnsToFill(table, 'f', undefined, undefined)).toBeUndefined();
  });
  it('are refused when the table has not all of them, or one is named twice', () => {
    expect(() => columnsToFill(table, 'f', undefined, ['a', 'B'])).toThrow(/"B".*it has a, b, c/);
    expect(() => columnsToFill(table, 'f', ['a', 'a'], undefined)).toThrow(/twice/);
    expect(() => columnsToFill(table, 'f', ['a', 'b'], ['b', 'a'])).toThrow(/same order/);
  });
});
