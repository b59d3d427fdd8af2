import { UnsoundScript } from './unsound.ts';

/** `COPY s.t (a, "b") WITH OIDS FROM stdin;`, with names as the script writes them. */
export interface CopyStatement {
  /** Undefined: the search_path says it, as in scripts of older programs. */
  readonly schema: string | undefined;
  readonly table: string;
  readonly columns: readonly string[];
  readonly oids: boolean;
}

const NAME = '(?:[a-z_\\x80-\\xff][a-z0-9_$\\x80-\\xff]*|"(?:[^"]|"")+")';
const COPY_STATEMENT = new RegExp(
  `^COPY (?:(${NAME})\\.)?(${NAME})(?: \\((${NAME}(?:, ${NAME})*)\\)| ) ?(WITH OIDS )?FROM stdin;$`,
  's',
);
const NAMES = new RegExp(NAME, 'gs');
const SEARCH_PATH = new RegExp(`^SET search_path = (${NAME})(?:, ${NAME})*;$`, 's');

/** As gp_dump writes it, without a schema. @throws UnsoundScript when it does not write it so. */
export function parseCopy(text: string): CopyStatement {
  const copy = copyIn(text);
  if (copy === undefined || copy.schema !== undefined) throw notCopy(text);
  return copy;
}

/** As any pg_dump writes it. @throws UnsoundScript when it does not write it so. */
export function parseQualifiedCopy(text: string): CopyStatement {
  const copy = copyIn(text);
  if (copy === undefined) throw notCopy(text);
  return copy;
}

const notCopy = (text: string) =>
  new UnsoundScript(`${JSON.stringify(text)} is not a COPY of pg_dump`);

function copyIn(text: string): CopyStatement | undefined {
  const [, schema, table, columns, oids] = COPY_STATEMENT.exec(text) ?? [];
  if (table === undefined) return undefined;
  return {
    schema: schema === undefined ? undefined : unquoted(schema),
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
