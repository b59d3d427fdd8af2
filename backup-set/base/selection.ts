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

/**
 * The rule of --include-* and --exclude-* in backup and restore. A partition is also selected by
 * the name of its root.
 */
export function selects(
  selection: Selection,
  relation: QualifiedName,
  partitionRoot?: QualifiedName,
): boolean {
  const names = partitionRoot === undefined ? [relation] : [relation, partitionRoot];
  const matchesTable = (patterns: readonly string[]) =>
    patterns.some((pattern) => names.some(({ schema, name }) => matches(pattern, [schema, name])));
  const matchesSchema = (patterns: readonly string[]) =>
    patterns.some((pattern) => names.some(({ schema }) => matches(pattern, [schema])));
  if (matchesTable(selection.excludeTables) || matchesSchema(selection.excludeSchemas))
    return false;
  if (selection.includeTables.length === 0 && selection.includeSchemas.length === 0) return true;
  return matchesTable(selection.includeTables) || matchesSchema(selection.includeSchemas);
}

/**
 * As `selects`, prepared once for many relations: names without a star are looked up, as a list of
 * thousands of tables would otherwise be compared with every relation.
 */
export function selector(
  selection: Selection,
): (relation: QualifiedName, partitionRoot?: QualifiedName) => boolean {
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
    if (texts.every(({ isExact }) => isExact))
      exact.add(JSON.stringify(texts.map(({ text }) => text)));
    else others.push(texts.map(expressionOf));
  }
  return (names: readonly string[]): boolean =>
    exact.has(JSON.stringify(names)) ||
    others.some((parts) => parts.every((part, at) => part.test(names[at] ?? '')));
}

/** True if everything in the schema is selected, not only tables of it. */
export function selectsSchema(selection: Selection, schema: string): boolean {
  const isIn = (patterns: readonly string[]) =>
    patterns.some((pattern) => matches(pattern, [schema]));
  if (isIn(selection.excludeSchemas)) return false;
  return selectsDatabase(selection) || isIn(selection.includeSchemas);
}

/** True if the objects that are in no schema are selected, such as extensions. */
export function selectsDatabase({ includeSchemas, includeTables }: Selection): boolean {
  return includeSchemas.length === 0 && includeTables.length === 0;
}

/** Include patterns that match no relation: a typing error that would look like success. */
export function unmatchedIncludes(
  selection: Selection,
  relations: readonly (QualifiedName & { readonly partitionRoot?: QualifiedName | null })[],
): string[] {
  const alone = (part: Partial<Selection>) => ({ ...EVERYTHING, ...part });
  const chosen = (only: Selection) =>
    relations.some((relation) => selects(only, relation, relation.partitionRoot ?? undefined));
  return [
    ...selection.includeTables.filter((pattern) => !chosen(alone({ includeTables: [pattern] }))),
    ...selection.includeSchemas.filter((pattern) => !chosen(alone({ includeSchemas: [pattern] }))),
  ];
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

function matches(pattern: string, names: readonly string[]): boolean {
  const parts = parsePattern(pattern);
  return (
    parts?.length === names.length && parts.every((part, index) => part.test(names[index] ?? ''))
  );
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
const expressionOf = ({ text, isExact }: PatternPart) => (isExact ? exactly(text) : wildcard(text));
const exactly = (text: string) => new RegExp(`^${escaped(text)}$`, 'su');
const wildcard = (text: string) =>
  new RegExp(`^${text.split(/\*+/).map(escaped).join('.*')}$`, 'su');
