import * as z from 'zod';

/**
 * The relations that a backup or restore covers. A pattern is `schema.table` or, for schemas,
 * `schema`; `*` matches any run of characters. A name with a dot, a star or a double quote is
 * quoted as in SQL: `"a.b"."c"`. Empty include lists include everything; exclusion overrides
 * inclusion.
 */
export const Selection = z.strictObject({
  includeSchemas: z.array(z.string()).default([]),
  excludeSchemas: z.array(z.string()).default([]),
  includeTables: z.array(z.string()).default([]),
  excludeTables: z.array(z.string()).default([]),
});
export type Selection = z.infer<typeof Selection>;

export const EVERYTHING: Selection = {
  includeSchemas: [],
  excludeSchemas: [],
  includeTables: [],
  excludeTables: [],
};

export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
}

/** True if the selection excludes nothing. */
export function isEverything(selection: Selection): boolean {
  return Object.values(selection).every((patterns) => patterns.length === 0);
}

export type Selector = (relation: QualifiedName, partitionRoot?: QualifiedName) => boolean;

/**
 * The rule of --include-* and --exclude-* in backup and restore. A partition is also selected by
 * the name of its root. Prepared once for many relations: names without a star are looked up, as a
 * list of thousands of tables would otherwise be compared with every relation.
 */
export function selector(selection: Selection): Selector {
  const includesTable = matcher(selection.includeTables, 2);
  const excludesTable = matcher(selection.excludeTables, 2);
  const includesSchema = matcher(selection.includeSchemas, 1);
  const excludesSchema = matcher(selection.excludeSchemas, 1);
  const isWhole = selectsDatabase(selection);
  return (relation, partitionRoot) => {
    const names = partitionRoot === undefined ? [relation] : [relation, partitionRoot];
    const any = (ofTable: typeof includesTable, ofSchema: typeof includesSchema) =>
      names.some(({ schema, name }) => ofTable([schema, name]) || ofSchema([schema]));
    return !any(excludesTable, excludesSchema) && (isWhole || any(includesTable, includesSchema));
  };
}

function matcher(patterns: readonly string[], length: number) {
  const exact = new Set<string>();
  const others: RegExp[][] = [];
  for (const pattern of patterns) {
    const texts = partsOf(pattern);
    if (texts?.length !== length) continue;
    if (texts.every(({ isExact }) => isExact)) exact.add(joined(texts.map(({ text }) => text)));
    else others.push(texts.map(expressionOf));
  }
  return (names: readonly string[]): boolean =>
    exact.has(joined(names)) || others.some((parts) => areMatched(parts, names));
}

const joined = (names: readonly string[]) => JSON.stringify(names);
const areMatched = (parts: readonly RegExp[], names: readonly string[]) =>
  parts.every((part, at) => part.test(names[at] ?? ''));

/** True if everything in the schema is selected, not only tables of it. */
export function selectsSchema(selection: Selection, schema: string): boolean {
  const isIn = (patterns: readonly string[]) => matcher(patterns, 1)([schema]);
  if (isIn(selection.excludeSchemas)) return false;
  return selectsDatabase(selection) || isIn(selection.includeSchemas);
}

/** True if the objects that are in no schema are selected, such as extensions. */
export function selectsDatabase({ includeSchemas, includeTables }: Selection): boolean {
  return includeSchemas.length === 0 && includeTables.length === 0;
}

/** Include patterns that match no relation: a typing error that would look like success. */
export function unmatchedIncludes(
  { includeTables, includeSchemas }: Selection,
  relations: readonly (QualifiedName & { readonly partitionRoot?: QualifiedName | null })[],
): string[] {
  const named = relations.flatMap(({ schema, name, partitionRoot }) => [
    { schema, name },
    ...(partitionRoot ? [partitionRoot] : []),
  ]);
  return [
    ...unmatched(
      includeTables,
      named.map(({ schema, name }) => [schema, name]),
    ),
    ...unmatched(
      includeSchemas,
      named.map(({ schema }) => [schema]),
    ),
  ];
}

function unmatched(patterns: readonly string[], names: readonly (readonly string[])[]): string[] {
  const distinct = new Map(names.map((parts) => [joined(parts), parts]));
  return patterns.filter((pattern) => {
    const texts = partsOf(pattern);
    if (texts === undefined) return true;
    if (texts.every(({ isExact }) => isExact))
      return !distinct.has(joined(texts.map(({ text }) => text)));
    const parts = texts.map(expressionOf);
    return !distinct
      .values()
      .some((each) => parts.length === each.length && areMatched(parts, each));
  });
}

/** Patterns that can never match, such as a table pattern without a schema. */
export function malformedPatterns(selection: Selection): string[] {
  const without = (parts: number) => (pattern: string) => parsePattern(pattern)?.length !== parts;
  return [
    ...[...selection.includeTables, ...selection.excludeTables].filter(without(2)),
    ...[...selection.includeSchemas, ...selection.excludeSchemas].filter(without(1)),
  ];
}

/** The parts of a pattern, or undefined if it is malformed: `a.b` → 2, `"a.b".c` → 2, `a` → 1. */
export function parsePattern(pattern: string): RegExp[] | undefined {
  return partsOf(pattern)?.map(expressionOf);
}

interface PatternPart {
  readonly text: string;
  /** Without a star that means any text. */
  readonly isExact: boolean;
}

function partsOf(pattern: string): PatternPart[] | undefined {
  const part = /(?:"((?:[^"]|"")+)"|([^".]+))/y;
  const parts: PatternPart[] = [];
  for (let at = 0; ; at = part.lastIndex + 1) {
    part.lastIndex = at;
    const found = part.exec(pattern);
    if (found === null) return undefined;
    const quoted = found[1]?.replaceAll('""', '"');
    const text = quoted ?? found[2] ?? '';
    parts.push({ text, isExact: quoted !== undefined || !text.includes('*') });
    if (part.lastIndex === pattern.length) return parts;
    if (pattern[part.lastIndex] !== '.') return undefined;
  }
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
const expressionOf = ({ text, isExact }: PatternPart) => (isExact ? exactly(text) : wildcard(text));
const exactly = (text: string) => new RegExp(`^${escaped(text)}$`, 'su');
const wildcard = (text: string) =>
  new RegExp(`^${text.split(/\*+/).map(escaped).join('.*')}$`, 'su');
