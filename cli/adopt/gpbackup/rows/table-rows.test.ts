import { expect, test } from 'vitest';
import { columnsOf, slicesOf } from './table-rows.ts';

const entry = (attributestring: string, partitionroot = '') => ({
  schema: 'app',
  name: 't',
  oid: 1,
  attributestring,
  rowscopied: 0,
  partitionroot,
  isreplicated: false,
  distbyenum: false,
});

test.each([
  ['', []],
  ['(id)', ['id']],
  ['(id,"Col A","q""q","a,b","(x)")', ['id', 'Col A', 'q"q', 'a,b', '(x)']],
])('the columns %s are read', (written, columns) => {
  expect(columnsOf(entry(written), () => undefined)).toEqual(columns);
});

test('a leaf has the columns of its root, and cannot be read without it', () => {
  const ofRoot = (schema: string, name: string) =>
    schema === 'app' && name === 'Root' ? ['id', 'day'] : undefined;
  expect(columnsOf(entry('', '"Root"'), ofRoot)).toEqual(['id', 'day']);
  expect(() => columnsOf(entry('', 'other'), ofRoot)).toThrow('metadata.sql lacks that table');
});

test.each(['(id', 'id)', '(id,)', '("id)'])('the columns %s are refused', (written) => {
  expect(() => columnsOf(entry(written), () => undefined)).toThrow('cannot be read');
});

async function* inChunks(text: string, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size));
}

async function cut(text: string, slices: readonly (readonly [number, number])[], size = 3) {
  const found: string[] = [];
  const wanted = slices.map(([start, end]) => ({ start, end }));
  for await (const [, bytes] of slicesOf(inChunks(text, size), wanted))
    found.push(Buffer.concat(await Array.fromAsync(bytes)).toString());
  return found;
}

test.each([1, 2, 5, 100])('a file is cut into its tables, in chunks of %i bytes', async (size) => {
  const slices = [
    [0, 4],
    [4, 4],
    [4, 9],
  ] as const;
  expect(await cut('aaa\nbbbb\n', slices, size)).toEqual(['aaa\n', '', 'bbbb\n']);
});

test.each([
  [
    'ends before its last table',
    'aaa\nbb',
    [
      [0, 4],
      [4, 9],
    ],
    'it is cut off: 3 bytes',
  ],
  ['has more bytes', 'aaa\nb', [[0, 4]], 'bytes behind the rows of the last table'],
  [
    'has a gap',
    'aaa\nbbbb\n',
    [
      [0, 3],
      [4, 9],
    ],
    'begin at byte 4, not at 3',
  ],
] as const)('a file that %s is not sound', async (_, text, slices, message) => {
  await expect(cut(text, slices)).rejects.toThrow(message);
});
