import type { SqlToken } from '../../../../database/rename/lexer.ts';
import { withDependencies } from '../../archive/dependencies.ts';
import type { ArchivedObject } from '../../archive/write-archive.ts';
import { unquoted } from '../../script/copy-statement.ts';
import { tokensOf } from '../../script/tokens-of.ts';
import type { ReadObject } from './objects.ts';

const REMARKS = ['COMMENT', 'SECURITY LABEL', 'ACL'];
/** In these, a name anywhere can be a relation. */
const NAMING_RELATIONS = ['TABLE ATTACH', 'STATISTICS', 'MATERIALIZED VIEW', 'PUBLICATION TABLE'];
const RELATIONS = ['TABLE', 'VIEW', 'MATERIALIZED VIEW', 'FOREIGN TABLE'];
/** They need the keys of the tables that they name. */
const NEEDING_KEYS = ['FK CONSTRAINT', 'RULE'];

/**
 * The objects of a script with what they depend on. pg_restore makes indexes and constraints side
 * by side, so what needs one of them must say so.
 */
export function scriptDependencies(objects: readonly ReadObject[]): ArchivedObject[] {
  const known = indexOf(objects);
  return withDependencies(objects).map((object, at) => {
    const found = new Set(object.dependsOn);
    const names = needsNames(object.kind)
      ? object.statements.flatMap((statement) => namesIn(statement, object.schema))
      : [];
    for (const name of names) {
      if (NAMING_RELATIONS.includes(object.kind)) add(found, known.relations.get(name));
      if (object.kind === 'INDEX ATTACH') add(found, known.indexes.get(name));
      if (NEEDING_KEYS.includes(object.kind)) add(found, ...(known.keys.get(name) ?? []));
    }
    if (object.kind.startsWith('PUBLICATION ')) add(found, publicationOf(object, known));
    if (object.kind === 'ACL' || object.kind === 'COMMENT' || object.kind === 'SECURITY LABEL')
      add(found, remarkedOn(objects, at, known));
    found.delete(at);
    return { ...object, dependsOn: [...found].filter((id) => id < at).sort((a, b) => a - b) };
  });
}

interface Known {
  readonly relations: ReadonlyMap<string, number>;
  /** Indexes, and those of constraints. */
  readonly indexes: ReadonlyMap<string, number>;
  /** By table: primary keys, unique constraints and indexes, and what attaches their parts. */
  readonly keys: ReadonlyMap<string, readonly number[]>;
  readonly publications: ReadonlyMap<string, number>;
  readonly eventTriggers: ReadonlyMap<string, number>;
}

const needsNames = (kind: string) =>
  kind === 'INDEX ATTACH' || NAMING_RELATIONS.includes(kind) || NEEDING_KEYS.includes(kind);

function indexOf(objects: readonly ReadObject[]): Known {
  const [relations, indexes] = [new Map<string, number>(), new Map<string, number>()];
  const [publications, eventTriggers] = [new Map<string, number>(), new Map<string, number>()];
  const keys = new Map<string, number[]>();
  const tableOfIndex = new Map<string, string>();
  const addKey = (table: string | undefined, at: number) => {
    if (table !== undefined) keys.set(table, [...(keys.get(table) ?? []), at]);
  };
  for (const [at, { kind, schema, tag, statements }] of objects.entries()) {
    const [statement = ''] = statements;
    if (RELATIONS.includes(kind)) relations.set(keyOf(schema, tag), at);
    else if (kind === 'PUBLICATION') publications.set(tag, at);
    else if (kind === 'EVENT TRIGGER') eventTriggers.set(tag, at);
    else if (kind === 'INDEX' || kind === 'CONSTRAINT') {
      const table = tableIn(statement, schema);
      const name = kind === 'INDEX' ? tag : constraintIn(statement);
      if (name === undefined) continue;
      indexes.set(keyOf(schema, name), at);
      if (table !== undefined) tableOfIndex.set(keyOf(schema, name), table);
      addKey(table, at);
    } else if (kind === 'INDEX ATTACH')
      addKey(tableOfIndex.get(namesIn(statement, schema)[0] ?? ''), at);
  }
  return { relations, indexes, keys, publications, eventTriggers };
}

const keyOf = (schema: string, name: string) => JSON.stringify([schema, name]);

function add(found: Set<number>, ...ids: readonly (number | undefined)[]): void {
  for (const id of ids) if (id !== undefined) found.add(id);
}

/** `ALTER TABLE ONLY s.t`, `CREATE INDEX i ON ONLY s.t`: the relation behind ON, ONLY or TABLE. */
function tableIn(statement: string, schema: string): string | undefined {
  const tokens = tokensOf(statement);
  const at = tokens.findIndex(({ kind, text }) => kind === 'word' && /^(?:ON|TABLE)$/.test(text));
  const first = tokens[at + 1]?.text === 'ONLY' ? at + 2 : at + 1;
  return at === -1 ? undefined : nameAt(tokens, first, schema);
}

/** `ADD CONSTRAINT name …` */
function constraintIn(statement: string): string | undefined {
  const tokens = tokensOf(statement);
  const at = tokens.findIndex(({ kind, text }) => kind === 'word' && text === 'CONSTRAINT');
  const name = tokens[at + 1];
  return at === -1 || name === undefined ? undefined : plain(name);
}

/** Each name in a statement, as the key of an object: `a.b`, and `a` in the schema. */
function namesIn(statement: string, schema: string): string[] {
  const tokens = tokensOf(statement);
  return tokens.flatMap(({ kind }, at) => {
    if ((kind !== 'word' && kind !== 'name') || tokens[at - 1]?.text === '.') return [];
    return tokens[at + 1]?.text === '.' ||
      kind === 'name' ||
      /^[a-z_\x80-\xff]/.test(tokens[at]?.text ?? '')
      ? [nameAt(tokens, at, schema)]
      : [];
  });
}

function nameAt(tokens: readonly SqlToken[], at: number, schema: string): string {
  const [first, dot, second] = tokens.slice(at, at + 3);
  if (first === undefined) return '';
  if (dot?.text !== '.' || second === undefined) return keyOf(schema, plain(first));
  return keyOf(plain(first), plain(second));
}

const plain = ({ kind, text }: SqlToken) => (kind === 'name' ? unquoted(text) : text);

/** `ALTER PUBLICATION p ADD …` */
function publicationOf({ statements }: ReadObject | ArchivedObject, known: Known) {
  const tokens = tokensOf(statements[0] ?? '');
  const name = tokens[2];
  return name === undefined ? undefined : known.publications.get(plain(name));
}

/** pg_dump writes a comment behind its object, but that of an event trigger at the end. */
function remarkedOn(objects: readonly ReadObject[], at: number, known: Known): number | undefined {
  const { kind, tag = '' } = objects[at] ?? {};
  const trigger = /^EVENT TRIGGER (.*)$/s.exec(tag)?.[1];
  if (trigger !== undefined) return known.eventTriggers.get(unquoted(trigger));
  if (kind === 'ACL') return undefined;
  for (let before = at - 1; before >= 0; before--)
    if (!REMARKS.includes(objects[before]?.kind ?? '')) return before;
  return undefined;
}
