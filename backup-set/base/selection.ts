import * as z from 'zod';

/**
 * Which relations a backup or restore is about. A pattern is `schema.table` or, for schemas, `schema`; `*` stands for
 * any run of characters. A name that itself holds a dot, a star or a double quote is written as SQL writes it: `"a.b"."c"`.
 * An empty include list means everything; exclusion wins.
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

/** True when the selection leaves nothing out. */
export function isEverything(selection: Selection): boolean {
  return Object.values(selection).every((patterns) => patterns.length === 0);
}

/** The pure rule behind --include-*, --exclude-* on both sides. A partition also answers to its root's name. */
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

/** Include patterns that choose nothing: a typing error that would otherwise look like success. */
export function unmatchedIncludes(
  selection: Selection,
  relations: readonly (QualifiedName & { readonly partitionRoot?: QualifiedName | undefined })[],
): string[] {
  const alone = (part: Partial<Selection>) => ({ ...EVERYTHING, ...part });
  const chosen = (only: Selection) =>
    relations.some((relation) => selects(only, relation, relation.partitionRoot));
  return [
    ...selection.includeTables.filter((pattern) => !chosen(alone({ includeTables: [pattern] }))),
    ...selection.includeSchemas.filter((pattern) => !chosen(alone({ includeSchemas: [pattern] }))),
  ];
}

/** Patterns that can match nothing at all, such as a table without its schema: an exclusion that excludes nothing. */
export function malformedPatterns(selection: Selection): string[] {
  const without = (parts: number) => (pattern: string) => parsePattern(pattern)?.length !== parts;
  return [
    ...[...selection.includeTables, ...selection.excludeTables].filter(without(2)),
    ...[...selection.includeSchemas, ...selection.excludeSchemas].filter(without(1)),
  ];
}

/** The parts of a pattern, or undefined when it is not well formed: `a.b` → two, `"a.b".c` → two, `a` → one. */
export function parsePattern(pattern: string): RegExp[] | undefined {
  const part = /(?:"((?:[^"]|"")+)"|([^".]+))/y;
  const parts: RegExp[] = [];
  for (let at = 0; ; at = part.lastIndex + 1) {
    part.lastIndex = at;
    const found = part.exec(pattern);
    if (found === null) return undefined;
    const quoted = found[1]?.replaceAll('""', '"');
    parts.push(quoted === undefined ? wildcard(found[2] ?? '') : exactly(quoted));
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
const exactly = (text: string) => new RegExp(`^${escaped(text)}$`, 'su');
const wildcard = (text: string) =>
  new RegExp(`^${text.split(/\*+/).map(escaped).join('.*')}$`, 'su');
