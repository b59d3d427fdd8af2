import { unquoted } from '../../script/copy-statement.ts';
import { UnsoundScript } from '../../script/unsound.ts';
import type { DataEntry } from '../documents.ts';

const NAME = /(?:"(?:[^"]|"")*"|[^",()]+)/gy;

/**
 * `(id,"Col A")` → id, Col A. gpbackup does not write the columns of leaves: they are those of
 * their root. @throws UnsoundScript
 */
export function columnsOf(
  { attributestring, schema, name, partitionroot }: DataEntry,
  ofRoot: (schema: string, name: string) => readonly string[] | undefined,
): readonly string[] {
  if (attributestring === '') {
    if (partitionroot === '') return [];
    const columns = ofRoot(unquoted(schema), unquoted(partitionroot));
    if (columns !== undefined) return columns;
    throw new UnsoundScript(
      `the columns of ${schema}.${name} are those of ${partitionroot}, and metadata.sql lacks that table`,
    );
  }
  const columns: string[] = [];
  let at = 1;
  const fail = () =>
    new UnsoundScript(`the columns of ${schema}.${name} cannot be read: ${attributestring}`);
  if (!attributestring.startsWith('(') || !attributestring.endsWith(')')) throw fail();
  for (;;) {
    NAME.lastIndex = at;
    const found = NAME.exec(attributestring)?.[0];
    if (found === undefined) throw fail();
    columns.push(unquoted(found));
    at += found.length;
    if (at === attributestring.length - 1) return columns;
    if (attributestring[at] !== ',') throw fail();
    at += 1;
  }
}

/** Bytes `start` to `end` of the rows of all tables. */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts a stream into slices, in the order of their bytes. The consumer reads each to its end before
 * it takes the next. Slices must touch, and cover the stream from its first byte to its last.
 * @throws UnsoundScript when they do not, or the stream ends before the last.
 */
export async function* slicesOf<Of extends Slice>(
  chunks: AsyncIterable<Buffer>,
  slices: readonly Of[],
): AsyncGenerator<[Of, AsyncIterable<Buffer>]> {
  const iterator = chunks[Symbol.asyncIterator]();
  let [rest, at]: [Buffer, number] = [Buffer.alloc(0), 0];
  const more = async () => {
    while (rest.length === 0) {
      const next = await iterator.next();
      if (next.done === true) return false;
      rest = next.value;
    }
    return true;
  };
  async function* take(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (!(await more()))
        throw new UnsoundScript(`it is cut off: ${left} bytes of the rows of a table are missing`);
      const part = rest.subarray(0, left);
      rest = rest.subarray(part.length);
      left -= part.length;
      at += part.length;
      yield part;
    }
  }
  try {
    for (const slice of slices) {
      if (slice.start !== at || slice.end < slice.start)
        throw new UnsoundScript(`the rows of a table begin at byte ${slice.start}, not at ${at}`);
      yield [slice, take(slice.end - slice.start)];
      if (at !== slice.end) throw new Error('a slice was not read to its end');
    }
    if (await more()) throw new UnsoundScript('it has bytes behind the rows of the last table');
  } finally {
    await iterator.return?.();
  }
}
