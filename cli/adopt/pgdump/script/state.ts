import type { Name } from '../../../../backup-set/base/document.ts';
import type { SequenceValue } from '../../../../database/catalog/sequences.ts';
import { DROPS, type Heading, sequenceValue, unexpected } from '../../archive/script-objects.ts';
import { searchPath, unquoted } from '../../script/copy-statement.ts';
import { UnsoundScript } from '../../script/unsound.ts';
import { addStatement, beginObject, ownedLargeObject, type ReadObject } from './objects.ts';

/** What a script has said of one database so far. Texts have one character per byte (latin1). */
export interface ScriptState {
  database: string | undefined;
  encoding: string;
  standardStrings: boolean;
  serverVersion: string;
  dumpVersion: string;
  /** Of an older script, whose names have no schemas. */
  schema: string;
  /** An empty search_path: names have their schemas. */
  isQualified: boolean;
  heading: Heading | undefined;
  readonly objects: ReadObject[];
  readonly largeObjects: ReadObject[];
  readonly sequences: SequenceValue[];
  readonly refresh: Name[];
  readonly statistics: Set<string>;
  hasLargeObjects: boolean;
  readonly lateRights: string[];
  accessMethod: string;
  oids: boolean;
  /** Characters of definitions. */
  length: number;
}

export function newState(): ScriptState {
  return {
    database: undefined,
    encoding: 'UTF8',
    standardStrings: true,
    serverVersion: '',
    dumpVersion: '',
    schema: '',
    isQualified: false,
    heading: undefined,
    objects: [],
    largeObjects: [],
    sequences: [],
    refresh: [],
    statistics: new Set(),
    hasLargeObjects: false,
    lateRights: [],
    accessMethod: '',
    oids: false,
    length: 0,
  };
}

/** Objects of a set: real databases have a few megabytes. It bounds the memory. */
const DEFINITION_CHARS_MAX = 256 * 1024 * 1024;
const SETTING = /^SET ([a-z_]+) = '?(.*?)'?;$/s;
const VERSIONS = [
  ['serverVersion', /^-- Dumped from database version (\S+)/],
  ['dumpVersion', /^-- Dumped by pg_dump version (\S+)/],
] as const;
const CREATE_LARGE_OBJECT = /^SELECT pg_catalog\.lo_create\('(\d+)'\);$/;
const PART = '((?:[a-z_\\x80-\\xff][\\w$\\x80-\\xff]*|"(?:[^"]|"")+"))';
const REFRESH = new RegExp(`^REFRESH MATERIALIZED VIEW ${PART}(?:\\.${PART})?;$`);
const STATISTICS = /^SELECT \* FROM pg_catalog\.pg_restore_\w+_stats\(/;
/** `pg_dump --clean`: before the objects, or before a view that is part of a circle. */
const MORE_DROPS =
  /^(?:ALTER [A-Z ]+ IF EXISTS .+ DROP |ALTER TABLE .+ DROP CONSTRAINT |ALTER DOMAIN .+ DROP CONSTRAINT )/s;
const NOT_TAKEN = ['AOSTORAGEOPTS', 'ENCODING', 'STDSTRINGS', 'SEARCHPATH'];

/** A comment line: the heading of an object, or a version. */
export function readComment(state: ScriptState, text: string, heading: Heading | undefined): void {
  for (const [field, pattern] of VERSIONS) state[field] = pattern.exec(text)?.[1] ?? state[field];
  if (heading === undefined) return;
  state.heading = heading;
  const { kind, isData } = heading;
  if (isData || NOT_TAKEN.includes(kind) || KEPT_ELSEWHERE.includes(kind)) return;
  const object = beginObject(heading, state.oids);
  const ofLargeObject = kind.startsWith('BLOB') || /^LARGE OBJECTS? /.test(heading.tag);
  if (!ofLargeObject) state.objects.push(object);
  else if (kind !== 'BLOB METADATA' && kind !== 'BLOB') {
    state.largeObjects.push(object);
    if (state.hasLargeObjects) state.lateRights.push(heading.tag);
  }
}

const KEPT_ELSEWHERE = ['SEQUENCE SET', 'MATERIALIZED VIEW DATA', 'STATISTICS DATA', 'BLOBS'];

/** A statement that is neither rows nor a large object. */
export function readStatement(state: ScriptState, text: string): void {
  state.length += text.length;
  if (state.length > DEFINITION_CHARS_MAX) throw new UnsoundScript('its definitions are too long');
  const [, name, value = ''] = SETTING.exec(text) ?? [];
  if (name !== undefined) {
    setting(state, name, value, text);
    return;
  }
  if (/^SELECT pg_catalog\.set_config\('search_path', '', false\);$/.test(text)) {
    state.isQualified = true;
    return;
  }
  const { heading, objects } = state;
  if (/^SELECT (?:pg_catalog\.)?setval\(/.test(text))
    state.sequences.push(sequenceValue(text, heading?.schema ?? state.schema));
  else if (STATISTICS.test(text))
    state.statistics.add([heading?.schema, heading?.tag].filter(Boolean).join('.'));
  else if (heading === undefined || heading.isData) aroundRows(text);
  else if (heading.kind === 'MATERIALIZED VIEW DATA') state.refresh.push(refreshed(text, heading));
  else if (/^LARGE OBJECTS? /.test(heading.tag) || heading.kind.startsWith('BLOB'))
    ofLargeObject(state, text);
  else if (!NOT_TAKEN.includes(heading.kind))
    addStatement(objects.at(-1), text, state.accessMethod);
}

function refreshed(text: string, { schema, tag }: Heading): Name {
  const [, first, second] = REFRESH.exec(text) ?? [];
  if (first === undefined) throw unexpected(text);
  if (second === undefined) return { schema, name: tag };
  return { schema: unquoted(first), name: unquoted(second) };
}

function setting(state: ScriptState, name: string, value: string, text: string): void {
  if (name === 'client_encoding') state.encoding = value;
  else if (name === 'standard_conforming_strings') state.standardStrings = value === 'on';
  else if (name === 'default_with_oids') state.oids = value === 'true' || value === 'on';
  else if (name === 'default_table_access_method')
    state.accessMethod = value === 'heap' ? '' : value;
  else if (name === 'search_path') state.schema = searchPath(text) ?? state.schema;
}

/** In an older script before the objects, and around rows with `--disable-triggers`. */
function aroundRows(text: string): void {
  const isKnown =
    /^ALTER TABLE .+ (?:DISABLE|ENABLE) TRIGGER ALL;$/s.test(text) ||
    MORE_DROPS.test(text) ||
    /^(?:UPDATE pg_catalog\.pg_database SET datistemplate = |CREATE OR REPLACE VIEW )/.test(text) ||
    DROPS.some((drop) => drop.test(text));
  if (!isKnown) throw unexpected(text);
}

function ofLargeObject(state: ScriptState, text: string): void {
  const oid = CREATE_LARGE_OBJECT.exec(text)?.[1];
  if (oid !== undefined && state.heading !== undefined) {
    const object = beginObject({ ...state.heading, kind: 'BLOB', tag: oid }, false);
    object.statements.push(text);
    state.largeObjects.push(object);
    return;
  }
  const owned = ownedLargeObject(text);
  const object =
    owned === undefined
      ? state.largeObjects.at(-1)
      : state.largeObjects.find(({ kind, tag }) => kind === 'BLOB' && tag === owned.oid);
  if (object === undefined) throw unexpected(text);
  if (owned !== undefined) object.owner = owned.owner;
  else object.statements.push(text);
}
