import { StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';

/** A table as an operator names it; without a schema, any schema may have it. */
export interface TableName {
  readonly schema?: string;
  readonly name: string;
}

/**
 * Reads `table`, `schema.table`, `"a.b"."c"`. A name is taken as it is written, with or without
 * quotes, as in the patterns of a selection: nothing is folded to lower case.
 * @throws StowageError `usage/flag`.
 */
export function tableNameFrom(text: string, field = 'table'): TableName {
  const [first, second, third] = partsOf(text) ?? [];
  if (first === undefined || third !== undefined)
    throw new StowageError(
      'usage/flag',
      `${JSON.stringify(text)} does not name a table: write schema.table, or "a.b"."c" for names with a dot or a quote`,
      { where: { field } },
    );
  return second === undefined ? { name: first } : { schema: first, name: second };
}

function partsOf(text: string): string[] | undefined {
  const part = /(?:"((?:[^"]|"")+)"|([^".]+))/y;
  const names: string[] = [];
  for (let at = 0; ; at = part.lastIndex + 1) {
    part.lastIndex = at;
    const found = part.exec(text);
    if (found === null) return undefined;
    names.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '');
    if (part.lastIndex === text.length) return names;
    if (text[part.lastIndex] !== '.') return undefined;
  }
}

/** As an operator can write it. */
export function writtenName({ schema, name }: QualifiedName): string {
  const quoted = (part: string) => (/[."]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part);
  return `${quoted(schema)}.${quoted(name)}`;
}

export function isNamed({ schema, name }: TableName, relation: QualifiedName): boolean {
  return relation.name === name && (schema === undefined || relation.schema === schema);
}

/** The names that differ in upper and lower case only. */
export function inOtherCase(
  wanted: TableName,
  all: readonly QualifiedName[],
): readonly QualifiedName[] {
  const lower = (text: string) => text.toLowerCase();
  return all.filter(
    ({ schema, name }) =>
      lower(name) === lower(wanted.name) &&
      (wanted.schema === undefined || lower(schema) === lower(wanted.schema)),
  );
}
