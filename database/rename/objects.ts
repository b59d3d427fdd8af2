import type { Into } from '../../backup-set/documents/restore/names.ts';
import { TAGGED_WITH_TABLE } from '../objects/choice/kinds.ts';
import type { ArchiveObject } from '../objects/expected.ts';
import { quoteIdentifier } from '../session/quote.ts';
import { argumentsAt, identifierOf, isKeyword } from './identifiers.ts';
import { NotSql, sqlTokens } from './lexer.ts';
import { type MadeNames, madeNames } from './made-names.ts';
import { renamedText } from './rewrite.ts';

/** Kinds whose tag has types, qualified and in quotes as in SQL. */
const WITH_TYPES = ['FUNCTION', 'PROCEDURE', 'AGGREGATE', 'CAST', 'TRANSFORM'];
const REMARKS = ['COMMENT', 'ACL', 'SECURITY LABEL'];

type NamedEntry = Pick<ArchiveObject, 'kind' | 'schema' | 'name'>;

/** The chosen objects of an archive as the restore makes them. */
export function renamedObjects(
  chosen: readonly ArchiveObject[],
  into: Into,
): readonly ArchiveObject[] {
  const names = madeNames(into, chosen);
  return chosen.map((object) => renamedObject(object, names));
}

/** An object of the archive as the restore makes it: its schema and its tag have the new names. */
export function renamedObject<Named extends NamedEntry>(object: Named, names: MadeNames): Named {
  const { kind, schema, name: tag } = object;
  if (tag === undefined) return object;
  const ofSchema = names.newSchema(schema) ?? schema;
  if (kind === 'SCHEMA') return { ...object, name: names.newSchema(tag) ?? tag };
  if (kind === 'EXTENSION') return object;
  if (REMARKS.includes(kind)) return { ...object, ...renamedRemark(schema, tag, names) };
  if (WITH_TYPES.includes(kind)) {
    const at = schema === '' ? 0 : argumentsAt(tag);
    const name = tag.slice(0, at) + renamedText(tag.slice(at), names);
    return { ...object, schema: ofSchema, name };
  }
  if (TAGGED_WITH_TABLE.includes(kind)) return { ...object, ...renamedPart(object, tag, names) };
  return { ...object, schema: ofSchema, ...names.newName(schema, tag) };
}

/** `orders orders_pkey`: of the ways to read it, the one whose table gets another name. */
function renamedPart(
  { kind, schema }: NamedEntry,
  tag: string,
  names: MadeNames,
): { schema: string; name: string } | undefined {
  for (let at = tag.indexOf(' '); at !== -1; at = tag.indexOf(' ', at + 1)) {
    const made = names.newName(schema, tag.slice(0, at));
    if (made === undefined) continue;
    const part = tag.slice(at + 1);
    const own = kind === 'CONSTRAINT' ? names.newName(schema, part)?.name : undefined;
    return { schema: made.schema, name: `${made.name} ${own ?? part}` };
  }
  return undefined;
}

/** `TABLE orders`, `COLUMN orders.id`, `CONSTRAINT orders_pkey ON orders`, `SCHEMA sales`. */
function renamedRemark(
  schema: string,
  tag: string,
  names: MadeNames,
): { schema: string; name: string } | undefined {
  if (!('table' in names.into)) {
    const [, named] = /^SCHEMA (.*)$/s.exec(tag) ?? [];
    const made = named === undefined ? undefined : names.newSchema(named.replaceAll('"', ''));
    if (made !== undefined) return { schema, name: `SCHEMA ${quoteIdentifier(made)}` };
    return { schema: names.newSchema(schema) ?? schema, name: renamedText(tag, names) };
  }
  const words = tokensIn(tag);
  const on = words.findIndex((token) => isKeyword(token, 'ON'));
  const first = words.findIndex((token) => !isKeyword(token, ...WORDS_OF_TABLES));
  // Up to pg_dump 9.4, a tag has the schema, too.
  const isQualified = identifierOf(words[first]) === schema && words[first + 1]?.text === '.';
  const table = words[on === -1 ? first + (isQualified ? 2 : 0) : on + 1];
  const made = names.newName(schema, identifierOf(table) ?? '');
  if (table === undefined || made === undefined) return undefined;
  const part = on === -1 ? undefined : words[first];
  const own = part && names.newName(schema, identifierOf(part) ?? '');
  const isIndex = isKeyword(words[0], 'CONSTRAINT');
  const start =
    part && own && isIndex ? tag.slice(0, part.at) + quoteIdentifier(own.name) : undefined;
  const upTo = part && start !== undefined ? part.at + part.text.length : 0;
  const rest = tag.slice(table.at + table.text.length);
  const name = (start ?? '') + tag.slice(upTo, table.at) + quoteIdentifier(made.name) + rest;
  return { schema: made.schema, name };
}

const WORDS_OF_TABLES = [
  ...['TABLE', 'FOREIGN', 'COLUMN', 'INDEX', 'SEQUENCE', 'STATISTICS'],
  ...['CONSTRAINT', 'TRIGGER', 'RULE', 'POLICY'],
];

function tokensIn(tag: string) {
  try {
    return [...sqlTokens(tag)];
  } catch (error) {
    if (error instanceof NotSql) return [];
    throw error;
  }
}
