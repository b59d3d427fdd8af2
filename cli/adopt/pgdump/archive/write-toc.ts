import type { RawEntry, RawToc } from './raw-toc.ts';

const INT_BYTES = 4;
const OFFSET_BYTES = 8;
const FORMAT_CUSTOM = 1;
const OFFSET_NOT_SET = 1;
const OFFSET_NO_DATA = 3;

/**
 * The front of an archive in the custom format with these entries, not compressed. Entries with
 * data must be followed by their bytes, in this order.
 */
export function writeToc(toc: RawToc, entries: readonly RawEntry[]): Buffer {
  const { minor, time, database, serverVersion, dumpVersion } = toc;
  return Buffer.concat([
    Buffer.from('PGDMP', 'latin1'),
    Buffer.from([1, minor, 0, INT_BYTES, OFFSET_BYTES, FORMAT_CUSTOM]),
    minor >= 15 ? Buffer.from([0]) : int(0),
    ...time.map(int),
    ...[database, serverVersion, dumpVersion].map(text),
    int(entries.length),
    ...entries.map((entry) => entryBytes(entry, minor)),
  ]);
}

function entryBytes(entry: RawEntry, minor: number): Buffer {
  const { id, hasDumper, tableOid, oid, tag, kind, section, definition, drop, copy } = entry;
  return Buffer.concat([
    int(id),
    int(entry.hasData ? hasDumper : 0),
    ...[tableOid, oid, tag, kind].map(text),
    int(section),
    ...[definition, drop, copy, entry.schema, entry.tablespace].map(text),
    ...(minor >= 14 ? [text(entry.accessMethod)] : []),
    ...(minor >= 16 ? [int(entry.relkind)] : []),
    ...[entry.owner, entry.withOids].map(text),
    ...entry.dependsOn.map((needed) => text(String(needed))),
    text(undefined),
    Buffer.from([entry.hasData ? OFFSET_NOT_SET : OFFSET_NO_DATA, ...new Uint8Array(OFFSET_BYTES)]),
  ]);
}

/** The sign, then the number with the least significant byte first. */
export function int(value: number): Buffer {
  const bytes = Buffer.alloc(1 + INT_BYTES);
  bytes.writeUInt8(value < 0 ? 1 : 0);
  bytes.writeUInt32LE(Math.abs(value), 1);
  return bytes;
}

function text(value: string | undefined): Buffer {
  if (value === undefined) return int(-1);
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([int(bytes.length), bytes]);
}
