import * as z from 'zod';
import { Count } from '../../../../backup-set/base/document.ts';

const Found = z.object({
  totals: z.object({ contents: Count, rows: Count, bytes: Count, storedBytes: Count }),
});
/** A table in files of gpbackup. */
const FoundInFiles = z.object({ oid: Count, rows: Count });

/** The numbers of a table in a set, over all contents. */
export interface FoundTable {
  readonly rows: number;
  /** Absent: the set consists of the files of gpbackup, which have no sizes of tables. */
  readonly bytes?: number;
  readonly storedBytes?: number;
  readonly contents: number;
}

type TableName = { readonly schema: string; readonly name: string };

/**
 * The numbers of a table in the bytes of a manifest, without parsing the others: a manifest of
 * 10,000 tables takes 100 ms to parse, and 2 ms to search. They are those of `tablesOf`: a name can
 * have several relations, and a root has the sums of its leaves. Undefined when there is none.
 */
export function findVolume(manifest: Buffer, name: TableName): FoundTable | undefined {
  const found = [...entriesOf(manifest, name), ...leavesOf(manifest, name)];
  return found.length === 0 ? undefined : found.reduce(added);
}

/** As `findVolume`, of the table's own relations only. */
export function findTable(manifest: Buffer, name: TableName): FoundTable | undefined {
  const found = [...entriesOf(manifest, name)];
  return found.length === 0 ? undefined : found.reduce(added);
}

function added(one: FoundTable, other: FoundTable): FoundTable {
  const sizes = one.bytes !== undefined && other.bytes !== undefined;
  return {
    rows: one.rows + other.rows,
    ...(sizes && {
      bytes: (one.bytes ?? 0) + (other.bytes ?? 0),
      storedBytes: (one.storedBytes ?? 0) + (other.storedBytes ?? 0),
    }),
    contents: Math.max(one.contents, other.contents),
  };
}

/** The fields begin in this order, and as JSON.stringify escapes them: as `encode` writes. */
const beginOf = ({ schema, name }: TableName) =>
  `{"schema":${JSON.stringify(schema)},"name":${JSON.stringify(name)}`;

function* entriesOf(manifest: Buffer, name: TableName): Generator<FoundTable> {
  const begin = `${beginOf(name)},`;
  for (let at = manifest.indexOf(begin); at !== -1; at = manifest.indexOf(begin, at + 1)) {
    const entry = numbersIn(objectAt(manifest, at));
    if (entry !== undefined) yield entry;
  }
}

/** The leaves of a root: the objects around each mention of it. */
function* leavesOf(manifest: Buffer, root: TableName): Generator<FoundTable> {
  const mention = `"partitionRoot":${beginOf(root)}}`;
  for (let at = manifest.indexOf(mention); at !== -1; at = manifest.indexOf(mention, at + 1)) {
    // The names in a text are escaped: a relation, or an object in it, begins here.
    const begin = manifest.lastIndexOf('{"schema":', at);
    const entry = begin === -1 ? undefined : numbersIn(objectAt(manifest, begin));
    if (entry !== undefined) yield entry;
  }
}

function numbersIn(text: string | undefined): FoundTable | undefined {
  if (text === undefined) return undefined;
  const json: unknown = JSON.parse(text);
  const found = Found.safeParse(json);
  if (found.success) return found.data.totals;
  const inFiles = FoundInFiles.safeParse(json);
  return inFiles.success ? { rows: inFiles.data.rows, contents: 1 } : undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** The JSON object that begins at an offset; undefined when it does not end. */
function objectAt(bytes: Buffer, begin: number): string | undefined {
  let depth = 0;
  let isText = false;
  for (let at = begin; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (isText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (byte === OPEN) depth += 1;
    else if (byte === CLOSE) {
      depth -= 1;
      if (depth === 0) return bytes.toString('utf8', begin, at + 1);
    }
  }
  return undefined;
}
