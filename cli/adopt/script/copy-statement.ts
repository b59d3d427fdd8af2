import { UnsoundScript } from './unsound.ts';

/** `COPY t (a, "b") WITH OIDS FROM stdin;`, with names as the script writes them. */
export interface CopyStatement {
  readonly table: string;
  readonly columns: readonly string[];
  readonly oids: boolean;
}

const NAME = '(?:[a-z_\\x80-\\xff][a-z0-9_$\\x80-\\xff]*|"(?:[^"]|"")+")';
const COPY_STATEMENT = new RegExp(
  `^COPY (${NAME})(?: \\((${NAME}(?:, ${NAME})*)\\)| ) ?(WITH OIDS )?FROM stdin;$`,
  's',
);
const NAMES = new RegExp(NAME, 'gs');
const SEARCH_PATH = new RegExp(`^SET search_path = (${NAME})(?:, ${NAME})*;$`, 's');

/** @throws UnsoundScript when pg_dump does not write it so. */
export function parseCopy(text: string): CopyStatement {
  const [, table, columns, oids] = COPY_STATEMENT.exec(text) ?? [];
  if (table === undefined)
    throw new UnsoundScript(`${JSON.stringify(text)} is not a COPY of pg_dump`);
  return {
    table: unquoted(table),
    columns: (columns?.match(NAMES) ?? []).map(unquoted),
    oids: oids !== undefined,
  };
}

/** The schema that a `SET search_path` puts first; undefined: it is another statement. */
export function searchPath(text: string): string | undefined {
  const [, first] = SEARCH_PATH.exec(text) ?? [];
  return first === undefined ? undefined : unquoted(first);
}

export function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
