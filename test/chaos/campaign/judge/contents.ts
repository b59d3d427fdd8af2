import type { TestServer } from '../../../support/servers/postgres.ts';
import { DDL } from '../load/data.ts';

/** Object → what a copy of it must equal. Rows are counted and digested. */
export type Contents = ReadonlyMap<string, string>;

/**
 * All rows and objects of one database of one server. Without the rows of unlogged tables, which
 * a crash of the server removes.
 */
export async function contentsOf(server: TestServer, database: string): Promise<Contents> {
  const text = await server.psql(CONTENTS, database);
  return new Map(
    text.split('\n').map((line) => {
      const at = line.indexOf('\t');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

/** The objects that writers and DDL of a run leave alone. */
export function unchanging(contents: Contents): Contents {
  const isWritten = (name: string) => /\b(world|ddl)\b/.test(name);
  return new Map([...contents].filter(([name]) => !isWritten(name)));
}

const SHOWN_MAX = 4;

/** How `found` differs from `expected`; undefined when both are equal. */
export function difference(expected: Contents, found: Contents): string | undefined {
  const names = new Set([...expected.keys(), ...found.keys()]);
  const differing = [...names].filter((name) => expected.get(name) !== found.get(name));
  if (differing.length === 0) return undefined;
  const shown = differing
    .slice(0, SHOWN_MAX)
    .map((name) => `${name}: ${expected.get(name) ?? 'absent'} <> ${found.get(name) ?? 'absent'}`);
  return `${differing.length} differ: ${shown.join('; ')}`;
}

const OURS = `nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'`;

const CONTENTS = `
SELECT concat_ws(E'\\t', kind || ' ' || name, replace(definition, E'\\n', ' ')) FROM (
SELECT 'rows of', format('%I.%I', nspname, relname), (xpath('//d/text()', query_to_xml(format(
    'SELECT count(*) || '':'' || coalesce(sum(hashtextextended(t::text, 0)), 0) AS d FROM ONLY %I.%I t', nspname, relname), false, true, '')))[1]::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'm') AND relispopulated AND relpersistence = 'p' AND ${OURS}
UNION ALL SELECT 'columns of', format('%I.%I %s', nspname, relname, relkind), md5(string_agg(format('%s %s %s %s', attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)), ',' ORDER BY attname))
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE relkind IN ('r', 'm', 'v', 'p') AND ${OURS} GROUP BY 1, 2
UNION ALL SELECT 'index', format('%I.%I', schemaname, indexname), indexdef FROM pg_indexes WHERE schemaname NOT LIKE 'pg\\_%'
UNION ALL SELECT 'constraint', format('%s %s.%I', conrelid::regclass, nspname, conname), format('%s %s', pg_get_constraintdef(c.oid), convalidated)
  FROM pg_constraint c JOIN pg_namespace n ON n.oid = connamespace WHERE ${OURS}
UNION ALL SELECT 'trigger', format('%s %I', tgrelid::regclass, tgname), format('%s %s', pg_get_triggerdef(oid), tgenabled) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'policy', format('%I.%I %I', schemaname, tablename, policyname), qual FROM pg_policies
UNION ALL SELECT 'view', format('%I.%I', schemaname, viewname), md5(definition) FROM pg_views WHERE schemaname NOT LIKE 'pg\\_%' AND schemaname <> 'information_schema'
UNION ALL SELECT 'comment', format('%s', objoid::regclass), description FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid >= 16384
UNION ALL SELECT 'sequence', format('%I.%I', schemaname, sequencename), last_value::text FROM pg_sequences
UNION ALL SELECT 'large object', loid::text, md5(string_agg(data, NULL ORDER BY pageno)) FROM pg_largeobject GROUP BY 1, 2
) found (kind, name, definition) ORDER BY 1`;

/** What is wrong with the tables that only DDL changes: each holds all rows of one generation. */
export async function brokenGenerations(server: TestServer, database: string): Promise<string> {
  return server.psql(
    `SELECT format('%s has %s', relname, found) FROM (SELECT relname, (xpath('//d/text()', query_to_xml(format(
       'SELECT count(*) || '' rows of '' || count(DISTINCT generation) || '' generations'' AS d FROM ${DDL}.%I', relname), false, true, '')))[1]::text AS found
     FROM pg_class WHERE relnamespace = '${DDL}'::regnamespace AND relkind = 'r' AND relname LIKE 't\\_%') t
     WHERE found <> '200 rows of 1 generations'`,
    database,
  );
}
