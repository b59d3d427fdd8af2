import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestServer } from '../servers/postgres.ts';
import { DATABASE } from './cluster.ts';

/** What must be equal in two databases, as texts that a failing test can show. */
export interface DatabaseContents {
  /**
   * Table or materialized view → number of rows and a digest that does not depend on their order.
   * Without the tables that writers change.
   */
  readonly rows: ReadonlyMap<string, string>;
  readonly schema: string;
  readonly sequences: string;
  readonly largeObjects: string;
  readonly materializedViews: string;
}

/** Reads a database. `written` is the schema whose tables writers change meanwhile. */
export async function databaseContents(
  server: TestServer,
  written: string,
  database = DATABASE,
): Promise<DatabaseContents> {
  const query = (sql: string) => server.psql(sql, database);
  return {
    rows: await rowsOf(server, written, database),
    schema: await schemaOf(server, database),
    sequences: await query(
      `SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE schemaname <> '${written}' ORDER BY 1, 2`,
    ),
    largeObjects: await query(
      'SELECT loid, md5(string_agg(data, NULL ORDER BY pageno)) FROM pg_largeobject GROUP BY 1 ORDER BY 1',
    ),
    materializedViews: await query(
      'SELECT schemaname, matviewname, ispopulated FROM pg_matviews ORDER BY 1, 2',
    ),
  };
}

/** The number of rows in all unlogged tables together. */
export async function unloggedRows(server: TestServer): Promise<number> {
  const queries = await server.psql(
    `SELECT format('SELECT count(*) FROM ONLY %s;', oid::regclass) FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'`,
    DATABASE,
  );
  const counts = await server.psql(queries, DATABASE);
  return counts.split('\n').reduce((sum, count) => sum + Number(count), 0);
}

/** Roles, their settings and memberships, as pg_dumpall prints them. */
export async function rolesOf(server: TestServer): Promise<string> {
  const dump = await tool(server, 'pg_dumpall', '--globals-only', '--database', 'postgres');
  return withoutRestrict(dump);
}

async function rowsOf(
  server: TestServer,
  written: string,
  database: string,
): Promise<Map<string, string>> {
  const queries = await server.psql(
    `SELECT format('SELECT %L, count(*), sum(hashtextextended(t::text, 0)) FROM ONLY %s t;',
                   replace(c.oid::regclass::text, E'\\n', ' '), c.oid::regclass)
     FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relkind IN ('r', 'm') AND relpersistence <> 't' AND relispopulated
       AND nspname !~ '^pg_|^information_schema$' AND nspname <> '${written}' ORDER BY 1`,
    database,
  );
  const lines = (await server.psql(queries, database)).split('\n');
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf('|')), line.slice(line.indexOf('|') + 1)]),
  );
}

/** What pg_dump writes of the definitions of a database. */
export async function schemaOf(
  server: TestServer,
  database: string,
  ...options: string[]
): Promise<string> {
  const args = ['--schema-only', '--dbname', database, ...options];
  return withoutRestrict(await tool(server, 'pg_dump', ...args));
}

/** Newer releases put \restrict with a random word around every dump. */
function withoutRestrict(dump: string): string {
  return dump.replaceAll(/^\\(un)?restrict .*\n/gm, '');
}

async function tool(server: TestServer, name: string, ...args: string[]): Promise<string> {
  const env = {
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    LC_ALL: 'C.UTF-8',
  };
  const options = { env, maxBuffer: 64 * 1024 * 1024 };
  return (await promisify(execFile)(join(server.binDir, name), args, options)).stdout;
}
