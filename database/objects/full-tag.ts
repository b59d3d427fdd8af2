import { identifier } from './inline-parts.ts';

/** Up to pg_dump 9.4, the tags of these kinds lack the name of the table. */
const WITHOUT_TABLE = ['DEFAULT', 'CONSTRAINT', 'FK CONSTRAINT', 'CHECK CONSTRAINT', 'TRIGGER'];
const ALTERED = /^ALTER (?:FOREIGN TABLE|TABLE|DOMAIN|VIEW|MATERIALIZED VIEW) (?:ONLY )?/;
const QUALIFIED = /^(?:("(?:[^"]|"")*"|[^\s".]+)\.)?("(?:[^"]|"")*"|[^\s".]+)/;

/** The tag of an entry with the name of its table: `t t_pkey`. */
export function fullTag(kind: string, tag: string, definition: () => string): string {
  if (!WITHOUT_TABLE.includes(kind)) return tag;
  const table = tableOf(definition());
  return table === undefined || tag.startsWith(`${table} `) ? tag : `${table} ${tag}`;
}

function tableOf(text: string): string | undefined {
  const trigger = /^CREATE (?:CONSTRAINT )?TRIGGER /.exec(text);
  if (trigger === null) return ALTERED.test(text) ? lastName(text.replace(ALTERED, '')) : undefined;
  const [, rest] = identifier(text.slice(trigger[0].length));
  const on = rest.indexOf(' ON ');
  return on === -1 ? undefined : lastName(rest.slice(on + ' ON '.length));
}

/** `s."a b"` → `a b`: pg_dump 9.4 qualifies tables in the tags of comments. */
export function lastName(text: string): string | undefined {
  const found = QUALIFIED.exec(text)?.[2];
  return found === undefined ? undefined : identifier(found)[0];
}
