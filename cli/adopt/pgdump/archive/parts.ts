import type { SourcePart, SourceRelation, SourceRows } from '../../convert/source.ts';
import { withoutOids } from '../../gpcrondump/data-sections.ts';
import { parseQualifiedCopy } from '../../script/copy-statement.ts';
import { insertedRows, isInsert } from '../../script/insert-rows.ts';
import { nameDecoder } from '../../script/name-decoder.ts';
import { readScript } from '../../script/read-script.ts';
import type { Strings } from '../../script/statement-end.ts';
import { UnsoundScript } from '../../script/unsound.ts';
import { columnsOf } from '../column-names.ts';
import type { Archive, ArchiveItem, LargeObject } from './archive.ts';
import { archiveFacts, largeObjectEntries } from './facts.ts';
import type { RawEntry, RawToc } from './raw-toc.ts';
import { int, writeToc } from './write-toc.ts';

const BLOCK_LARGE_OBJECTS = 3;

/** How names and literals of an archive are read. */
interface Settings {
  readonly encoding: string;
  readonly decode: (bytes: string) => string;
  readonly strings: Strings;
  readonly entries: readonly RawEntry[];
}

function settingsOf(toc: RawToc): Settings {
  const { encoding, standardStrings } = archiveFacts(toc);
  const strings = { standard: standardStrings };
  return { encoding, decode: nameDecoder(encoding), strings, entries: toc.entries };
}

/** Called with what is wrong with one file of an archive. The reading then goes on. */
export type OnUnsound = (error: UnsoundScript) => void;

/**
 * The rows and large objects of an archive.
 * @param onUnsound absent: what is not sound ends the reading.
 */
export async function* archiveParts(
  { toc, hasOwnFiles, items }: Archive,
  onUnsound?: OnUnsound,
): AsyncGenerator<SourcePart> {
  const all = items();
  const settings = settingsOf(toc);
  let hadObjects = false;
  for (let next = await all.next(); next.done !== true; ) {
    const item = next.value;
    if (item.kind === 'rows') {
      yield* tableIn(item.entry, item.data, settings, hasOwnFiles ? onUnsound : undefined);
      next = await all.next();
      continue;
    }
    if (hadObjects) throw new UnsoundScript('its large objects are not next to each other');
    hadObjects = true;
    const run = { item, rest: undefined as IteratorResult<ArchiveItem> | undefined };
    yield { file: 'large-objects.dump', chunks: objectsFile(toc, item, all, run) };
    if (run.rest === undefined) throw new Error('the large objects were not read to their end');
    next = run.rest;
  }
}

async function* tableIn(
  entry: RawEntry,
  data: AsyncIterable<Buffer>,
  settings: Settings,
  onUnsound: OnUnsound | undefined,
): AsyncGenerator<SourcePart> {
  const { decode } = settings;
  const of = `${decode(entry.schema ?? '')}.${decode(entry.tag)}`;
  const seen = { error: undefined as unknown };
  try {
    for await (const part of sectionsIn(entry, data, settings)) {
      const { rows } = part;
      yield { ...part, rows: noting(rows, of, seen) };
    }
  } catch (thrown) {
    const error = seen.error ?? thrown;
    if (!(error instanceof UnsoundScript)) throw error;
    const named = seen.error === undefined ? inTable(of, error) : error;
    if (onUnsound === undefined) throw named;
    onUnsound(named);
  }
}

/** The reader of rows sees their error first: it is kept for the reader of tables. */
async function* noting(
  rows: AsyncIterable<Buffer>,
  table: string,
  seen: { error: unknown },
): AsyncGenerator<Buffer> {
  try {
    yield* rows;
  } catch (error) {
    seen.error = error instanceof UnsoundScript ? inTable(table, error) : error;
    throw seen.error;
  }
}

const inTable = (table: string, { message }: Error) =>
  new UnsoundScript(`the rows of ${table}: ${message}`);

async function* sectionsIn(
  entry: RawEntry,
  data: AsyncIterable<Buffer>,
  { encoding, decode, strings, entries }: Settings,
): AsyncGenerator<SourceRows> {
  const { copy = '' } = entry;
  const parts = readScript(copy === '' ? withEnd(data) : concat(copy, data), strings);
  for (let next = await parts.next(); next.done !== true; ) {
    const part = next.value;
    if (part.kind === 'copy') {
      const { schema, table, columns, oids } = parseQualifiedCopy(part.text);
      yield {
        schema: decode(schema ?? entry.schema ?? ''),
        name: decode(table),
        columns: columns.map(decode),
        rows: oids ? withoutOids(part.rows, columns.length === 0) : part.rows,
      };
      next = await parts.next();
    } else if (isInsert(part)) {
      const found = insertedRows(part.text, parts, () => strings, encoding);
      const { schema = entry.schema ?? '', table, rows, present, after } = found;
      const columns = found.columns ?? columnsOf(entries, { schema, table }, present);
      yield {
        schema: decode(schema),
        name: decode(table),
        columns: columns.map(decode),
        rows,
      };
      next = after();
    } else if (part.kind === 'comment' || AROUND_ROWS.test(part.text)) next = await parts.next();
    else throw new UnsoundScript(`it holds ${JSON.stringify(part.text.slice(0, 60))}`);
  }
}

/** The tables whose rows an archive must have; those from INSERT statements are not known. */
export function tablesExpected(toc: RawToc): SourceRelation[] {
  const decode = nameDecoder(archiveFacts(toc).encoding);
  return toc.entries.flatMap(({ kind, hasData, copy, schema = '' }) => {
    if (kind !== 'TABLE DATA' || !hasData || copy === undefined || copy === '') return [];
    const found = parseQualifiedCopy(copy.trimEnd());
    return [
      {
        schema: decode(found.schema ?? schema),
        name: decode(found.table),
        columns: found.columns.map(decode),
      },
    ];
  });
}

/** `pg_dump --disable-triggers` writes them around rows. */
const AROUND_ROWS = /^ALTER TABLE .+ (?:DISABLE|ENABLE) TRIGGER ALL;$/s;

async function* concat(first: string, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield Buffer.from(first, 'latin1');
  yield* rest;
}

/** pg_dump writes two line breaks behind the last INSERT: rows of COPY have their own end. */
async function* withEnd(data: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let end = '';
  for await (const chunk of data) {
    end = (end + chunk.toString('latin1', Math.max(0, chunk.length - 2))).slice(-2);
    yield chunk;
  }
  if (end !== '\n\n')
    throw new UnsoundScript('it is cut off: no empty line follows its last INSERT');
}

/** All large objects that follow each other, as one archive. */
async function* objectsFile(
  toc: RawToc,
  first: Extract<ArchiveItem, { kind: 'large-objects' }>,
  all: AsyncGenerator<ArchiveItem>,
  run: { rest: IteratorResult<ArchiveItem> | undefined },
): AsyncGenerator<Buffer> {
  yield writeToc(toc, largeObjectEntries(toc));
  let entry: RawEntry | undefined;
  for (let item: ArchiveItem = first; ; ) {
    if (item.kind !== 'large-objects') break;
    if (item.entry !== entry) {
      if (entry !== undefined) yield int(0);
      entry = item.entry;
      yield Buffer.concat([Buffer.from([BLOCK_LARGE_OBJECTS]), int(entry.id)]);
    }
    for await (const object of item.objects) yield* objectBytes(object);
    const next = await all.next();
    run.rest = next;
    if (next.done === true) break;
    item = next.value;
  }
  yield int(0);
}

async function* objectBytes({ oid, data }: LargeObject): AsyncGenerator<Buffer> {
  yield int(oid);
  for await (const chunk of data)
    if (chunk.length > 0) yield Buffer.concat([int(chunk.length), chunk]);
  yield int(0);
}
