import type { SqlToken } from '../../../database/rename/lexer.ts';
import { unquoted } from '../script/copy-statement.ts';
import { tokensOf } from '../script/tokens-of.ts';
import type { ScriptObject } from './script-objects.ts';
import type { ArchivedObject } from './write-archive.ts';

const TABLES = ['TABLE', 'EXTERNAL TABLE', 'FOREIGN TABLE', 'VIEW', 'MATERIALIZED VIEW'];
const TYPES = ['TYPE', 'DOMAIN', ...TABLES];
const FUNCTIONS = ['FUNCTION', 'AGGREGATE', 'PROCEDURE'];
/** A relation is named behind one of these. Elsewhere the word can be a column. */
const BEFORE_RELATION = ['ON', 'ONLY', 'TABLE', 'REFERENCES', 'SEQUENCE', 'BY', 'COLUMN', 'EXISTS'];
/** In these, a word anywhere can name a relation. */
const QUERIES = ['VIEW', 'RULE', 'MATERIALIZED VIEW'];

/**
 * A script does not say what an object depends on: the names in its statements do. A name too many
 * costs little (an object more is made), except a table, which a restore of chosen tables would
 * require. So tables are looked for at their places only.
 */
export function withDependencies(objects: readonly ScriptObject[]): ArchivedObject[] {
  const known = indexOf(objects);
  return objects.map((object, at) => {
    const found = new Set<number>();
    const schema = known.schemas.get(object.schema);
    if (schema !== undefined) found.add(schema);
    for (const statement of object.statements) addNamed(statement, object, known, found);
    const before = objects[at - 1];
    // Indexes and the like have names of their own: their comment follows them.
    if (object.kind === 'COMMENT' && before?.section === 'post-data') found.add(at - 1);
    found.delete(at);
    // An archive has what is needed before what needs it.
    return { ...object, dependsOn: [...found].filter((id) => id < at).sort((a, b) => a - b) };
  });
}

interface Known {
  readonly schemas: ReadonlyMap<string, number>;
  readonly relations: ReadonlyMap<string, number>;
  readonly sequences: ReadonlyMap<string, number>;
  readonly types: ReadonlyMap<string, number>;
  readonly functions: ReadonlyMap<string, readonly number[]>;
}

function indexOf(objects: readonly ScriptObject[]): Known {
  const [schemas, relations] = [new Map<string, number>(), new Map<string, number>()];
  const [sequences, types] = [new Map<string, number>(), new Map<string, number>()];
  const functions = new Map<string, number[]>();
  for (const [at, { kind, schema, tag }] of objects.entries()) {
    const key = keyOf(schema, tag);
    if (kind === 'SCHEMA') schemas.set(tag, at);
    if (TABLES.includes(kind)) relations.set(key, at);
    if (TYPES.includes(kind)) types.set(key, at);
    if (kind === 'SEQUENCE') sequences.set(key, at);
    if (FUNCTIONS.includes(kind)) {
      const name = keyOf(schema, tag.replace(/\(.*$/s, ''));
      functions.set(name, [...(functions.get(name) ?? []), at]);
    }
  }
  return { schemas, relations, sequences, types, functions };
}

const keyOf = (schema: string, name: string) => JSON.stringify([schema, name]);

function addNamed(statement: string, object: ScriptObject, known: Known, found: Set<number>): void {
  const tokens = tokensOf(statement);
  let inParents = false;
  for (const [at, token] of tokens.entries()) {
    if (token.text === 'INHERITS') inParents = true;
    else if (token.text === ')') inParents = false;
    if (token.kind === 'string') addSequence(token, object.schema, known, found);
    if (token.kind !== 'word' && token.kind !== 'name') continue;
    const before = tokens[at - 1]?.text ?? '';
    if (before === '.') continue;
    const isPlace = inParents || BEFORE_RELATION.includes(before) || QUERIES.includes(object.kind);
    for (const [schema, name] of readings(tokens, at, object.schema)) {
      const key = keyOf(schema, name);
      if (isPlace) addAll(found, known.relations.get(key), known.sequences.get(key));
      if (before === 'SCHEMA') addAll(found, known.schemas.get(name));
      if (object.kind !== 'TABLE' || before !== '') addAll(found, known.types.get(key));
      addAll(found, ...(known.functions.get(key) ?? []));
    }
  }
}

function addAll(found: Set<number>, ...ids: readonly (number | undefined)[]): void {
  for (const id of ids) if (id !== undefined) found.add(id);
}

/** `a.b` is b in schema a, or column b of relation a. */
function readings(tokens: readonly SqlToken[], at: number, schema: string): [string, string][] {
  const first = nameOf(tokens[at]);
  const second = tokens[at + 1]?.text === '.' ? nameOf(tokens[at + 2]) : undefined;
  return second === undefined
    ? [[schema, first]]
    : [
        [first, second],
        [schema, first],
      ];
}

const nameOf = (token: SqlToken | undefined) =>
  token === undefined ? '' : token.kind === 'name' ? unquoted(token.text) : token.text;

/** `nextval('order_seq'::regclass)` */
function addSequence({ text }: SqlToken, schema: string, known: Known, found: Set<number>): void {
  const inner = text.startsWith("'") ? text.slice(1, -1).replaceAll("''", "'") : '';
  if (inner === '' || inner.length > 256) return;
  const tokens = tokensOf(inner);
  for (const [inSchema, name] of readings(tokens, 0, schema))
    addAll(found, known.sequences.get(keyOf(inSchema, name)));
}
