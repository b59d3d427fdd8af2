import { crc32 } from 'node:zlib';
import { headingOf } from '../archive/script-objects.ts';
import { parseCopy, searchPath } from '../script/copy-statement.ts';
import { frameOfScript, newlinesIn } from '../script/frame.ts';
import { insertedRows, isInsert } from '../script/insert-rows.ts';
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
  /** `gp_dump -D`: the dump has INSERT statements. A table without rows then has no columns. */
  readonly inserted?: true;
  /** In COPY text, without oids. The reader must read them before the next section. */
  readonly rows: AsyncIterable<Buffer>;
}

/** What the rows of a table are, seen once. */
export interface CountedSection extends Omit<DataSection, 'rows'> {
  readonly rows: number;
  readonly bytes: number;
  readonly crc: number;
}

const STRINGS = /^SET standard_conforming_strings = '?(on|off)'?;$/;
async function* nothing(): AsyncGenerator<Buffer> {}

const ENCODING = /^SET client_encoding = '(\w+)';$/;

/**
 * The tables of a segment's dump, in the order of the file.
 * @throws UnsoundScript when it is not whole, or holds what gp_dump does not write.
 */
export async function* dataSections(chunks: AsyncIterable<Buffer>): AsyncGenerator<DataSection> {
  const frame = frameOfScript();
  let [schema, encoding, standard] = ['', '', true];
  const parts = readScript(chunks);
  /** A heading for rows that no statement has followed. */
  let heading: { readonly tag: string; isClosed: boolean } | undefined;
  const empty = (table: string): DataSection => {
    const decode = nameDecoder(encoding);
    const named = {
      schema: decode(schema),
      name: decode(table),
      columns: [],
      oids: false,
      encoding,
    };
    return { ...named, inserted: true, rows: nothing() };
  };
  for (let next = await parts.next(); next.done !== true; ) {
    const part = next.value;
    frame.add(part.kind === 'comment' ? part.text : undefined);
    const { text } = part;
    if (part.kind === 'comment') {
      const { isData, tag } = headingOf(text) ?? {};
      if (isData === true && tag !== undefined) heading = { tag, isClosed: false };
      else if (heading !== undefined && text === '--') {
        // The second one begins what follows.
        if (heading.isClosed) yield empty(heading.tag);
        heading = heading.isClosed ? undefined : { ...heading, isClosed: true };
      }
      next = await parts.next();
      continue;
    }
    if (part.kind === 'statement') {
      schema = searchPath(text) ?? schema;
      encoding = ENCODING.exec(text)?.[1] ?? encoding;
      standard = (STRINGS.exec(text)?.[1] ?? (standard ? 'on' : 'off')) === 'on';
      if (isInsert(part)) {
        heading = undefined;
        const strings = { standard };
        const { table, columns, rows, after } = insertedRows(text, parts, () => strings, encoding);
        if (columns === undefined)
          throw new UnsoundScript(`an INSERT into ${table} names no columns`);
        const { rows: _, ...named } = empty(table);
        yield { ...named, columns: columns.map(nameDecoder(encoding)), rows };
        next = after();
        continue;
      }
      // The sequences of segments are wrong: those of the master count.
      if (!/^SET |^SELECT (?:pg_catalog\.)?setval\(/.test(text))
        throw new UnsoundScript(`it holds ${JSON.stringify(text.slice(0, 60))}`);
      next = await parts.next();
      continue;
    }
    heading = undefined;
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
    next = await parts.next();
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
