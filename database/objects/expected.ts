import { type ArchiveEntry, archiveEntry } from './choice/entries.ts';
import {
  CLASS_OF_KIND,
  CLASS_OF_WORD,
  COUNTED,
  type ObjectClass,
  WITHOUT_SCHEMA,
} from './classes.ts';
import { lastName } from './full-tag.ts';
import { identifier, inlineParts } from './inline-parts.ts';
import type { TocEntry } from './toc.ts';

/** An object that a target must have, or a comment or rights on one. */
export interface ExpectedObject {
  readonly class: ObjectClass;
  readonly aspect: 'exists' | 'comment' | 'acl';
  /** As `CLASSES` gives them. */
  readonly schema: string;
  readonly name: string;
  /** As the archive has it, such as `INDEX`, `public`, `t_i`. */
  readonly entry: { readonly kind: string; readonly schema: string; readonly name: string };
  /** Several objects may have this name. */
  readonly isCounted: boolean;
}

/** How people read an object: `INDEX public.t_i`, `COMMENT on TABLE t (schema public)`. */
export function labelOf({
  aspect,
  entry: { kind, schema, name },
}: Pick<ExpectedObject, 'aspect' | 'entry'>): string {
  if (aspect === 'exists') return `${kind} ${schema === '' ? '' : `${schema}.`}${name}`;
  return `${kind} on ${name}${schema === '' ? '' : ` (schema ${schema})`}`;
}

/** An entry without its SQL text, and the parts of it that only the text names. */
export interface ArchiveObject extends ArchiveEntry {
  readonly inline: ReturnType<typeof inlineParts> | undefined;
  /** The entry removes an inherited default. */
  readonly setsNull: boolean;
}

/** Parts of the database itself, which a restore does not apply (docs/operations.md). */
const OF_THE_DATABASE = /^DATABASE /;
/** Greenplum 6: made for ALTER TABLE … EXCHANGE PARTITION, and dropped after it. */
const EXCHANGED = /^_external_partition_parrelid_\d+_relid_\d+$/;
const REMARKS = { COMMENT: 'comment', ACL: 'acl' } as const;

export function archiveObject(entry: TocEntry): ArchiveObject {
  const { kind, definition } = entry;
  const hasColumns = kind === 'TABLE' || kind === 'FOREIGN TABLE';
  return {
    ...archiveEntry(entry),
    inline: hasColumns ? inlineParts(definition()) : undefined,
    setsNull: kind === 'DEFAULT' && /SET DEFAULT NULL;\s*$/.test(definition()),
  };
}

/** The object of an entry, without the parts that its text defines; undefined: not compared. */
export function mainObjectOf(entry: ArchiveEntry): ExpectedObject | undefined {
  return expectedOf({ ...entry, inline: undefined, setsNull: false })?.[0];
}

/** The objects of an entry; `undefined` when its kind is not compared. */
export function expectedOf(entry: ArchiveObject): ExpectedObject[] | undefined {
  const { kind, name, section, inline } = entry;
  if (section === 'data') return [];
  if (kind === 'COMMENT' || kind === 'ACL') return remarkOf(entry, REMARKS[kind]);
  const known = CLASS_OF_KIND[kind];
  if (known === undefined || name === undefined) return NOT_RESTORED.has(kind) ? [] : undefined;
  if (entry.setsNull || EXCHANGED.test(name)) return [];
  const made = [expected(entry, known, name, kind)];
  const part = (ofClass: ObjectClass, what: string) => (column: string) =>
    made.push(expected(entry, ofClass, `${name} ${column}`, what));
  inline?.defaults.forEach(part('default', 'DEFAULT'));
  inline?.notNull.forEach(part('notNull', 'NOT NULL'));
  inline?.checks.forEach(part('constraint', 'CHECK CONSTRAINT'));
  return made;
}

/** Entries that no restore of ours carries out. */
const NOT_RESTORED = new Set([
  'ENCODING',
  'STDSTRINGS',
  'SEARCHPATH',
  'DATABASE',
  'DATABASE PROPERTIES',
]);

function expected(
  { schema }: ArchiveObject,
  ofClass: ObjectClass,
  tag: string,
  kind: string,
  aspect: ExpectedObject['aspect'] = 'exists',
): ExpectedObject {
  const inSchema = WITHOUT_SCHEMA.has(ofClass) ? '' : schema;
  return {
    class: ofClass,
    aspect,
    schema: withoutQuotes(inSchema),
    name: withoutQuotes(tag.replace(/^(?:CAST|TRANSFORM) /, '')),
    entry: { kind, schema: inSchema, name: tag },
    isCounted: COUNTED.has(ofClass),
  };
}

/** `COMMENT`, `ACL`: the tag names the kind of the object, then the object with its quotes. */
function remarkOf(entry: ArchiveObject, aspect: 'comment' | 'acl'): ExpectedObject[] | undefined {
  const { name: tag, kind } = entry;
  if (tag === undefined) return undefined;
  if (OF_THE_DATABASE.test(tag)) return [];
  const onRelation = /^(?:CONSTRAINT|TRIGGER|RULE|POLICY) /.exec(tag);
  const [word, ofClass] = CLASS_OF_WORD.find(([start]) => tag.startsWith(`${start} `)) ?? [];
  if (word === undefined || ofClass === undefined) return undefined;
  const rest = tag.slice(word.length + 1);
  const name = onRelation ? partOfRelation(rest) : nameIn(ofClass, rest);
  if (name === undefined) return undefined;
  const named = { kind, schema: WITHOUT_SCHEMA.has(ofClass) ? '' : entry.schema, name: tag };
  return [{ ...expected(entry, ofClass, name, kind, aspect), entry: named }];
}

/** `c ON t`, `c ON DOMAIN d` → `t c`. */
function partOfRelation(text: string): string | undefined {
  const [part, rest] = identifier(text);
  const [relation] = identifier(rest.replace(/^ON (?:DOMAIN )?/, ''));
  return part === undefined || relation === undefined ? undefined : `${relation} ${part}`;
}

function nameIn(ofClass: ObjectClass, text: string): string | undefined {
  if (ofClass === 'relation') return lastName(text);
  if (ofClass === 'operator') return text.replace(/ \(.*\)$/s, '');
  if (ofClass === 'operatorClass' || ofClass === 'operatorFamily') return identifier(text)[0];
  return text;
}

/** pg_dump quotes names by its own list of keywords, the server by another. */
const withoutQuotes = (text: string) => text.replaceAll('"', '');
