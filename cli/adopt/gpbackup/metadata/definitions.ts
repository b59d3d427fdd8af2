import type { SequenceValue } from '../../../../database/catalog/sequences.ts';
import type { ScriptObject } from '../../archive/script-objects.ts';
import { refuseAsciiBytes } from '../../script/ascii-bytes.ts';
import { unquoted } from '../../script/copy-statement.ts';
import { nameDecoder } from '../../script/name-decoder.ts';
import { UnsoundScript } from '../../script/unsound.ts';
import type { MetadataEntry } from '../documents.ts';
import type { Link } from '../read-links.ts';
import { databaseObjects, lostProperties } from './database.ts';
import { begun, continues, remarkOf } from './objects.ts';

/** What metadata.sql says, cut by the table of contents. One character per byte (latin1). */
export interface Definitions {
  /** Of names, statements and rows. */
  readonly encoding: string;
  readonly objects: readonly ScriptObject[];
  readonly sequences: readonly SequenceValue[];
  /** Statements for the globals, each with what it concerns. */
  readonly globals: readonly { readonly what: string; readonly text: string }[];
  /** Settings and rights of the database, which the set cannot have. */
  readonly lostProperties: readonly string[];
}

/** Old versions set more for the session. */
const ENCODING = /^SET client_encoding = '(\w+)';$/m;
const OF_DATABASE = ['DATABASE', 'DATABASE METADATA', 'DATABASE GUC'];
const SETVAL = /\n\s*SELECT pg_catalog\.setval\('((?:[^']|'')+)', (-?\d+), (true|false)\);\s*$/;
const PART = '("(?:[^"]|"")+"|[^".]+)';
const QUALIFIED = new RegExp(`^${PART}\\.${PART}$`, 's');

/** @throws UnsoundScript when the file is not the one of the table of contents. */
export function definitionsOf(file: Buffer, { toc, config, timestamp }: Link): Definitions {
  const text = file.toString('latin1');
  const cut = (entry: MetadataEntry) => statementOf(text, entry, timestamp);
  requireNamed(
    text,
    [toc.globalentries, toc.predataentries, toc.postdataentries].flat(),
    timestamp,
  );
  const session = toc.globalentries.find(({ objecttype }) => objecttype === 'SESSION GUCS');
  const encoding = (session && ENCODING.exec(cut(session))?.[1]) ?? 'UTF8';
  refuseAsciiBytes(encoding);
  const bytesOf = bytesIn(encoding);
  const decode = nameDecoder(encoding);
  const sequences: SequenceValue[] = [];
  const ofDatabase = toc.globalentries
    .filter(({ objecttype }) => OF_DATABASE.includes(objecttype))
    .map((entry) => cut(entry));
  const objects = databaseObjects(config.databasename, ofDatabase);
  for (const [section, entries] of [
    ['pre-data', toc.predataentries],
    ['post-data', toc.postdataentries],
  ] as const) {
    let last: ReturnType<typeof begun> | undefined;
    for (const written of entries) {
      const entry = { ...written, name: bytesOf(written.name), schema: bytesOf(written.schema) };
      const statement = withoutSetval(cut(written), sequences, decode);
      if (last === undefined || !continues(last.entry, entry, statement)) {
        last = begun(entry, statement, section);
        objects.push(last.object);
      }
      if (statement === '') continue;
      const remark = remarkOf(last, statement);
      if (remark !== undefined) objects.push(remark);
    }
  }
  return {
    encoding,
    objects,
    sequences,
    lostProperties: lostProperties(ofDatabase),
    globals: toc.globalentries
      .filter(({ objecttype }) => !OF_DATABASE.includes(objecttype))
      .map((entry) => ({ what: `${entry.objecttype} ${entry.name}`.trim(), text: cut(entry) })),
  };
}

function statementOf(text: string, entry: MetadataEntry, timestamp: string): string {
  const { startbyte, endbyte, objecttype, name } = entry;
  if (endbyte > text.length)
    throw new UnsoundScript(
      `it is cut off: ${objecttype} ${name} ends at byte ${endbyte} by gpbackup_${timestamp}_toc.yaml, and the file has ${text.length} bytes`,
    );
  return text.slice(startbyte, endbyte).trim();
}

/** A table of contents that is cut off can still be read: what it does not name would be lost. */
function requireNamed(text: string, entries: readonly MetadataEntry[], timestamp: string): void {
  let at = 0;
  const end = { startbyte: text.length, endbyte: text.length };
  for (const { startbyte, endbyte } of [...entries, end].sort(byStart)) {
    if (text.slice(at, startbyte).trim() !== '')
      throw new UnsoundScript(
        `gpbackup_${timestamp}_toc.yaml does not name its bytes ${at} to ${startbyte}`,
      );
    at = Math.max(at, endbyte);
  }
}

const byStart = (a: { readonly startbyte: number }, b: { readonly startbyte: number }) =>
  a.startbyte - b.startbyte;

/** The documents are in UTF-8. */
function bytesIn(encoding: string): (name: string) => string {
  const isUnicode = encoding === 'UTF8' || encoding === 'SQL_ASCII';
  return (name) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII
    if (!isUnicode && !/^[\x00-\x7f]*$/.test(name))
      throw new UnsoundScript(
        `the name ${JSON.stringify(name)} cannot be written in its client_encoding ${encoding}`,
      );
    return Buffer.from(name).toString('latin1');
  };
}

/** The value of a sequence is no part of its definition: a restore sets it at its end. */
function withoutSetval(
  statement: string,
  sequences: SequenceValue[],
  decode: (bytes: string) => string,
): string {
  const [, literal, value = '', called] = SETVAL.exec(statement) ?? [];
  const [, schema, name] = QUALIFIED.exec(literal?.replaceAll("''", "'") ?? '') ?? [];
  if (schema === undefined || name === undefined) return statement;
  sequences.push({
    schema: decode(unquoted(schema)),
    name: decode(unquoted(name)),
    value,
    called: called === 'true',
  });
  return statement.replace(SETVAL, '');
}
