import { unquoted } from '../../script/copy-statement.ts';
import type { ReadObject } from './objects.ts';

const PART = '((?:[a-z_\\x80-\\xff][\\w$\\x80-\\xff]*|"(?:[^"]|"")+"))';
const MADE = new RegExp(
  `^CREATE (?:(?:OR REPLACE|UNLOGGED|FOREIGN|MATERIALIZED|RECURSIVE|SCHEMA|TABLE|VIEW|SEQUENCE|DOMAIN|TYPE|FUNCTION|PROCEDURE|AGGREGATE) )+${PART}(?:\\.${PART})?`,
);
const BREAKS = /[\r\n]/g;

/**
 * pg_dump writes blanks for the line breaks of names in its headings. The statements have the names
 * as they are.
 */
export function withLineBreaks(objects: readonly ReadObject[]): readonly ReadObject[] {
  const schemas = new Map<string, string>();
  const names = new Map<string, string>();
  for (const { kind, statements } of objects) {
    const [, first, second] = MADE.exec(statements[0] ?? '') ?? [];
    if (first === undefined) continue;
    const isSchema = second !== undefined || kind === 'SCHEMA';
    note(isSchema ? schemas : names, unquoted(first));
    if (second !== undefined) note(names, unquoted(second));
  }
  if (schemas.size === 0 && names.size === 0) return objects;
  return objects.map((object) => ({
    ...object,
    schema: schemas.get(object.schema) ?? object.schema,
    tag: object.kind === 'SCHEMA' ? (schemas.get(object.tag) ?? object.tag) : tagOf(object, names),
  }));
}

function note(known: Map<string, string>, name: string): void {
  const shown = name.replace(BREAKS, ' ');
  if (shown !== name) known.set(shown, name);
}

/** `t`, `t t_pkey`, `f(integer)`, `TABLE t`. */
function tagOf({ tag }: ReadObject, names: ReadonlyMap<string, string>): string {
  let whole = tag;
  for (const [shown, name] of names) {
    const at = whole.indexOf(shown);
    const before = whole[at - 1] ?? ' ';
    const behind = whole[at + shown.length] ?? ' ';
    if (at !== -1 && ' "'.includes(before) && ' "('.includes(behind))
      whole = whole.slice(0, at) + name + whole.slice(at + shown.length);
  }
  return whole;
}
