import { crc32 } from 'node:zlib';
import { parseCopy, searchPath } from '../script/copy-statement.ts';
import { frameOfScript, newlinesIn } from '../script/frame.ts';
import { nameDecoder } from '../script/name-decoder.ts';
import { readScript } from '../script/read-script.ts';
import { UnsoundScript } from '../script/unsound.ts';

/** The rows of one table in a dump of a segment. */
export interface DataSection {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
  /** The rows began with an oid, which is cut off. */
  readonly oids: boolean;
  readonly encoding: string;
  /** In COPY text, without oids. The reader must read them before the next section. */
  readonly rows: AsyncIterable<Buffer>;
}

/** What the rows of a table are, seen once. */
export interface CountedSection extends Omit<DataSection, 'rows'> {
  readonly rows: number;
  readonly bytes: number;
  readonly crc: number;
}

/** An INSERT: the dump was made by `gp_dump -D`. */
export class InsertDump extends Error {}

const ENCODING = /^SET client_encoding = '(\w+)';$/;

/**
 * The tables of a segment's dump, in the order of the file.
 * @throws UnsoundScript when it is not whole, or holds what gp_dump does not write.
 */
export async function* dataSections(chunks: AsyncIterable<Buffer>): AsyncGenerator<DataSection> {
  const frame = frameOfScript();
  let [schema, encoding] = ['', ''];
  for await (const part of readScript(chunks)) {
    frame.add(part.kind === 'comment' ? part.text : undefined);
    if (part.kind === 'comment') continue;
    const { text } = part;
    if (part.kind === 'statement') {
      schema = searchPath(text) ?? schema;
      encoding = ENCODING.exec(text)?.[1] ?? encoding;
      if (text.startsWith('INSERT INTO ')) throw new InsertDump();
      // The sequences of segments are wrong: those of the master count.
      if (!/^SET |^SELECT (?:pg_catalog\.)?setval\(/.test(text))
        throw new UnsoundScript(`it holds ${JSON.stringify(text.slice(0, 60))}`);
      continue;
    }
    const { table, columns, oids } = parseCopy(text);
    const decode = nameDecoder(encoding);
    if (schema === '') throw new UnsoundScript(`no SET search_path precedes ${text}`);
    const rows = oids ? withoutOids(part.rows, columns.length === 0) : part.rows;
    yield {
      schema: decode(schema),
      name: decode(table),
      columns: columns.map(decode),
      oids,
      encoding,
      rows,
    };
  }
  frame.end();
}

/** Reads all tables, and counts their rows. The function is called for each as soon as it ends. */
export async function countSections(
  chunks: AsyncIterable<Buffer>,
  onCounted: (section: CountedSection) => void,
): Promise<void> {
  for await (const section of dataSections(chunks)) {
    let [rows, bytes, crc] = [0, 0, 0];
    for await (const chunk of section.rows) {
      rows += newlinesIn(chunk);
      bytes += chunk.byteLength;
      crc = crc32(chunk, crc);
    }
    onCounted({ ...section, rows, bytes, crc });
  }
}

const TAB = 0x09;
const NEWLINE = 0x0a;

/** Cuts the first field off each row; `isOnly`: the table has no columns, so rows become empty. */
export async function* withoutOids(
  chunks: AsyncIterable<Buffer>,
  isOnly: boolean,
): AsyncGenerator<Buffer> {
  let inOid = true;
  for await (const chunk of chunks) {
    const kept: Buffer[] = [];
    for (let at = 0; at < chunk.length; ) {
      const end: number = chunk.indexOf(inOid && !isOnly ? TAB : NEWLINE, at);
      if (inOid) {
        if (end === -1) break;
        at = isOnly ? end : end + 1;
        inOid = false;
        continue;
      }
      const to = end === -1 ? chunk.length : end + 1;
      kept.push(chunk.subarray(at, to));
      at = to;
      inOid = end !== -1;
    }
    if (kept.length > 0) yield kept.length === 1 ? (kept[0] as Buffer) : Buffer.concat(kept);
  }
}
