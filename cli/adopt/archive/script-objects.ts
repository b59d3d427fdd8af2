import type { SequenceValue } from '../../../database/catalog/sequences.ts';
import { lastName } from '../../../database/objects/full-tag.ts';
import { parseCopy, searchPath, unquoted } from '../script/copy-statement.ts';
import { frameOfScript, newlinesIn } from '../script/frame.ts';
import { readScript } from '../script/read-script.ts';
import { UnsoundScript } from '../script/unsound.ts';

/** One object of a script: what becomes an entry of an archive. One character per byte (latin1). */
export interface ScriptObject {
  /** As pg_dump tags it: the name of the object, for a function with its arguments. */
  readonly tag: string;
  /** `TABLE`, `VIEW`, `ACL`, … */
  readonly kind: string;
  /** Empty: the object is in no schema. */
  readonly schema: string;
  readonly owner: string;
  readonly tablespace: string;
  /** `default_with_oids` was on. */
  readonly oids: boolean;
  readonly section: 'none' | 'pre-data' | 'post-data';
  /** What makes the object, without its owner. */
  readonly statements: readonly string[];
  /** `TABLE public.t`: what `ALTER … OWNER TO` names; undefined: it sets no owner. */
  readonly owned: string | undefined;
}

/** A COPY of the script, with names as bytes. */
export interface ScriptTable {
  readonly schema: string;
  readonly name: string;
  readonly rows: number;
}

export interface ScriptDefinitions {
  readonly encoding: string | undefined;
  readonly standardStrings: boolean;
  readonly objects: readonly ScriptObject[];
  readonly tables: readonly ScriptTable[];
  readonly sequences: readonly SequenceValue[];
}

const HEADING =
  /^-- (Data for )?Name: (.*); Type: ([A-Z ]+); Schema: (.*); Owner: ?(.*?)(?:; Tablespace: ?(.*))?$/s;
export const OWNER = /^ALTER (.+) OWNER TO ([^ ].*);$/s;
const ENCODING = /^SET client_encoding = '(\w+)';$/;
const STRINGS = /^SET standard_conforming_strings = '?(on|off)'?;$/;
const WITH_OIDS = /^SET default_with_oids = '?(true|false|on|off)'?;$/;
const SETVAL = /^SELECT (?:pg_catalog\.)?setval\('((?:[^'\\]|'')+)', (-?\d+), (true|false)\);$/;
const PART = '(?:[a-z_\\x80-\\xff][\\w$\\x80-\\xff]*|"(?:[^"]|"")+")';
const SEQUENCE = new RegExp(`^(?:(${PART})\\.)?(${PART})$`);
/** Objects of a set: real databases have a few megabytes. It bounds the memory. */
const DEFINITION_BYTES_MAX = 256 * 1024 * 1024;

/** Statements that are no part of an object. */
const SETTINGS = /^SET [a-z_]+ = .*;$/s;
/** `gpcrondump -C` and every post_data begin with them. Greenplum 5 has a function for it. */
export const DROPS = [
  /^DROP /,
  /^ALTER TABLE .+ (?:DROP CONSTRAINT|ALTER COLUMN .+ DROP DEFAULT)/s,
  /^(?:create or replace function|select) pg_temp\.drop_table_constraint_only_if_exists\(/,
];
/** Describe a session, not an object of the database. */
const NOT_TAKEN = ['AOSTORAGEOPTS', 'ENCODING', 'STDSTRINGS'];
/** Their section is that of the entry before them, as in an archive of pg_dump. */
const REMARKS = ['ACL', 'COMMENT', 'SECURITY LABEL', 'DEFAULT ACL'];

/**
 * The objects of a script: the statements under each heading of pg_dump.
 * @param section of the objects: the master's dump is pre-data, post_data is post-data.
 * @throws UnsoundScript naming a statement that pg_dump does not write at its place.
 */
export async function readDefinitions(
  chunks: AsyncIterable<Buffer>,
  section: 'pre-data' | 'post-data',
): Promise<ScriptDefinitions> {
  const objects: Building[] = [];
  const tables: ScriptTable[] = [];
  const sequences: SequenceValue[] = [];
  let encoding: string | undefined;
  let [schema, oids, standardStrings, bytes] = ['', false, true, 0];
  let heading: Heading | undefined;
  const frame = frameOfScript();
  for await (const part of readScript(chunks)) {
    bytes += part.text.length;
    if (bytes > DEFINITION_BYTES_MAX) throw new UnsoundScript('its definitions are too long');
    frame.add(part.kind === 'comment' ? part.text : undefined);
    if (part.kind === 'comment') {
      const next = headingOf(part.text);
      if (next === undefined) continue;
      heading = next;
      if (isObject(next)) objects.push(begin(next, schema, oids, section));
      continue;
    }
    if (part.kind === 'copy') {
      let rows = 0;
      for await (const chunk of part.rows) rows += newlinesIn(chunk);
      tables.push({ schema, name: parseCopy(part.text).table, rows });
      continue;
    }
    const { text } = part;
    if (SETTINGS.test(text)) {
      schema = searchPath(text) ?? schema;
      encoding = ENCODING.exec(text)?.[1] ?? encoding;
      standardStrings = (STRINGS.exec(text)?.[1] ?? (standardStrings ? 'on' : 'off')) === 'on';
      const value = WITH_OIDS.exec(text)?.[1];
      if (value !== undefined) oids = value === 'true' || value === 'on';
    } else if (text.startsWith('SELECT ')) sequences.push(sequenceValue(text, schema));
    else if (heading === undefined) requireDrop(text);
    else add(objects.at(-1), heading, text);
  }
  frame.end();
  return { encoding, standardStrings, objects: objects.map(withTable), tables, sequences };
}

export interface Heading {
  readonly isData: boolean;
  readonly tag: string;
  readonly kind: string;
  readonly schema: string;
  readonly owner: string;
  readonly tablespace: string;
}

interface Building extends ScriptObject {
  readonly statements: string[];
  owned: string | undefined;
  owner: string;
}

export function headingOf(text: string): Heading | undefined {
  const [, data, tag, kind, schema, owner, tablespace] = HEADING.exec(text) ?? [];
  if (tag === undefined || kind === undefined || schema === undefined) return undefined;
  return {
    isData: data !== undefined,
    tag,
    kind,
    schema: schema === '-' ? '' : schema,
    owner: owner ?? '',
    tablespace: tablespace ?? '',
  };
}

const isObject = ({ isData, kind }: Heading) =>
  !isData && kind !== 'SEQUENCE SET' && !NOT_TAKEN.includes(kind);

/** The schema of the search_path: names in the statements are looked up in it. */
function begin(
  { tag, kind, schema: named, tablespace }: Heading,
  schema: string,
  oids: boolean,
  section: 'pre-data' | 'post-data',
): Building {
  return {
    tag,
    kind,
    schema: named === '' ? '' : schema,
    owner: '',
    tablespace,
    oids: kind === 'TABLE' && oids,
    section: REMARKS.includes(kind) ? 'none' : section,
    statements: [],
    owned: undefined,
  };
}

function add(object: Building | undefined, heading: Heading, text: string): void {
  if (NOT_TAKEN.includes(heading.kind)) return;
  if (object === undefined || !isObject(heading)) throw unexpected(text);
  const [, owned, owner] = OWNER.exec(text) ?? [];
  if (owned === undefined || owner === undefined) {
    object.statements.push(text);
    return;
  }
  // Handlers of a language are in pg_catalog, and the target has its own.
  if (object.kind === 'PROCEDURAL LANGUAGE' && owned.startsWith('FUNCTION ')) return;
  object.owned = owned;
  object.owner = unquoted(owner);
}

const RULE = new RegExp(`^CREATE RULE .*? TO (${PART}(?:\\.${PART})?)[ ;]`, 's');

/** Newer archives tag a rule with its table, and the comparison of objects looks for that. */
function withTable(object: Building): ScriptObject {
  const table = object.kind === 'RULE' ? RULE.exec(object.statements[0] ?? '')?.[1] : undefined;
  return table === undefined ? object : { ...object, tag: `${lastName(table)} ${object.tag}` };
}

function requireDrop(text: string): void {
  if (!DROPS.some((drop) => drop.test(text))) throw unexpected(text);
}

export function unexpected(text: string): UnsoundScript {
  return new UnsoundScript(
    `pg_dump does not write ${JSON.stringify(text.slice(0, 80))} at this place`,
  );
}

export function sequenceValue(text: string, schema: string): SequenceValue {
  const [, literal, value = '', called] = SETVAL.exec(text) ?? [];
  const [, inSchema, name] = SEQUENCE.exec(literal?.replaceAll("''", "'") ?? '') ?? [];
  if (name === undefined) throw unexpected(text);
  return {
    schema: inSchema === undefined ? schema : unquoted(inSchema),
    name: unquoted(name),
    value,
    called: called === 'true',
  };
}
