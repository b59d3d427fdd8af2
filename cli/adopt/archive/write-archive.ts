import type { ScriptObject } from './script-objects.ts';

/** What an archive says of the database that it is from. Texts have one character per byte. */
export interface ArchiveFacts {
  readonly database: string;
  readonly encoding: string;
  readonly standardStrings: boolean;
  /** Of the server and of the program that dumped it. */
  readonly version: string;
}

export interface ArchivedObject extends ScriptObject {
  /** Positions in the list of objects. */
  readonly dependsOn: readonly number[];
}

/** Format 1.12: every pg_restore from 9.0 on reads it, also that of Greenplum 6. */
const MINOR = 12;
const INT_BYTES = 4;
const OFFSET_BYTES = 8;
const FORMAT_CUSTOM = 1;
const OFFSET_NO_DATA = 3;
const SECTIONS = { none: 1, 'pre-data': 2, 'post-data': 4 } as const;
/** Ids of the entries that come before the objects: encoding and strings. */
const FIRST_ID = 3;

/** A pg_dump archive in the custom format with these objects and no rows. */
export function writeArchive(facts: ArchiveFacts, objects: readonly ArchivedObject[]): Buffer {
  const parts: Buffer[] = [
    Buffer.from('PGDMP', 'latin1'),
    Buffer.from([1, MINOR, 0, INT_BYTES, OFFSET_BYTES, FORMAT_CUSTOM]),
    // Not compressed, and without the time of the dump: the same set gives the same bytes.
    ...Array.from({ length: 8 }, () => int(0)),
    text(facts.database),
    text(facts.version),
    text(facts.version),
    int(objects.length + 2),
  ];
  const setting = { schema: '', owner: '', tablespace: '', oids: false, section: 'none' } as const;
  const encoding = `SET client_encoding = '${facts.encoding}';\n`;
  parts.push(
    entry(1, { ...setting, tag: 'ENCODING', kind: 'ENCODING' }, encoding, undefined, []),
    entry(
      2,
      { ...setting, tag: 'STDSTRINGS', kind: 'STDSTRINGS' },
      `SET standard_conforming_strings = '${facts.standardStrings ? 'on' : 'off'}';\n`,
      undefined,
      [],
    ),
  );
  for (const [at, object] of objects.entries()) {
    const drop = object.owned === undefined ? undefined : `DROP ${object.owned};\n`;
    const ids = object.dependsOn.map((needed) => needed + FIRST_ID);
    parts.push(entry(at + FIRST_ID, object, definition(object), drop, ids));
  }
  return Buffer.concat(parts);
}

function definition({ kind, tag, statements }: ScriptObject): string {
  // After `gpcrondump -C`. Every new database has this schema, and pg_dump writes this text then.
  if (kind === 'SCHEMA' && tag === 'public')
    return '-- *not* creating schema, since initdb creates it\n';
  const lines = statements.map((statement) => `${statement}\n`).join('');
  // Every target has plpgsql.
  return kind === 'PROCEDURAL LANGUAGE'
    ? lines.replace(/^CREATE (?=(?:TRUSTED )?PROCEDURAL LANGUAGE )/, 'CREATE OR REPLACE ')
    : lines;
}

function entry(
  id: number,
  {
    tag,
    kind,
    schema,
    owner,
    tablespace,
    oids,
    section,
  }: Omit<ScriptObject, 'statements' | 'owned'>,
  definitionText: string,
  drop: string | undefined,
  dependsOn: readonly number[],
): Buffer {
  return Buffer.concat([
    int(id),
    int(0),
    text('0'),
    text('0'),
    text(tag),
    text(kind),
    int(SECTIONS[section]),
    text(definitionText),
    text(drop ?? ''),
    text(undefined),
    text(schema === '' ? undefined : schema),
    text(tablespace === '' ? undefined : tablespace),
    text(owner),
    text(oids ? 'true' : 'false'),
    ...dependsOn.map((needed) => text(String(needed))),
    text(undefined),
    Buffer.from([OFFSET_NO_DATA, ...new Uint8Array(OFFSET_BYTES)]),
  ]);
}

/** The sign, then the number with the least significant byte first. */
function int(value: number): Buffer {
  const bytes = Buffer.alloc(1 + INT_BYTES);
  bytes.writeUInt8(value < 0 ? 1 : 0);
  bytes.writeUInt32LE(Math.abs(value), 1);
  return bytes;
}

/** Undefined: NULL. */
function text(value: string | undefined): Buffer {
  if (value === undefined) return int(-1);
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([int(bytes.length), bytes]);
}
