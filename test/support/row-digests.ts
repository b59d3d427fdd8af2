import type { TestServer } from './servers/postgres.ts';

/** schema.table → number of rows, and a digest that does not depend on their order. */
export async function rowDigests(
  server: TestServer,
  database: string,
): Promise<Map<string, string>> {
  const queries = await server.psql(
    `SELECT format('SELECT %L, count(*), sum(hashtextextended(t::text, 0)) FROM ONLY %s t;',
                   replace(c.oid::regclass::text, E'\\n', ' '), c.oid::regclass)
     FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relkind IN ('r', 'm') AND nspname !~ '^pg_|^information_schema$' AND relispopulated ORDER BY 1`,
    database,
  );
  const lines = (await server.psql(queries, database)).split('\n');
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf('|')), line.slice(line.indexOf('|') + 1)]),
  );
}
