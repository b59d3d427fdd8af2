import { psql, runTool, segmentTargetOf, targetOf } from './cluster.ts';
import type { TestDatabase } from './database.ts';

/** What must be equal in two databases, as texts that a failing test can show. */
export interface DatabaseContents {
  /**
   * Table, leaf or populated materialized view → number of rows and a digest that does not depend
   * on their order.
   */
  readonly rows: ReadonlyMap<string, string>;
  readonly schema: string;
  /** Sequence → its value, and whether nextval was called. */
  readonly sequences: ReadonlyMap<string, string>;
}

/** PostgreSQL 9.4 has no 64-bit hash of text: fifteen hexadecimal digits of md5 replace it. */
const DIGEST = `count(*), sum(('x' || substr(md5("a row"::text), 1, 15))::bit(60)::bigint::numeric)`;

/** Settings that make equal values print as equal text on every server. */
const SETTINGS = `SET extra_float_digits = 3; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; SET search_path = pg_catalog;`;

/**
 * Relations with their own rows: `c` in schema `n`. Of a partitioned table these are the leaves. On
 * 6 its parents are tables too, and ONLY does not exclude the rows of the leaves.
 */
const relationsWithRowsSql = (
  major: number,
) => `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relispopulated
    AND n.nspname !~ '^(pg_|gp_toolkit$|information_schema$)' AND ${
      major >= 7
        ? 'true'
        : `c.relstorage IN ('h', 'a', 'c') AND c.oid NOT IN (SELECT parrelid FROM pg_partition)
    AND c.oid NOT IN (SELECT p.parchildrelid FROM pg_partition_rule p JOIN pg_partition_rule k ON k.parparentrule = p.oid)`
    }`;

/** Runs each query that `listSql` returns. Returns name → values. */
async function queryEach(
  target: Parameters<typeof psql>[0],
  listSql: string,
): Promise<Map<string, string>> {
  const queries = await psql(target, `${SETTINGS} ${listSql}`);
  const answers = queries === '' ? '' : await psql(target, `${SETTINGS} ${queries}`);
  const lines = answers === '' ? [] : answers.split('\n');
  return new Map(
    lines.map((line) => {
      const [name = '', ...values] = line.split('\u001f');
      return [name, values.join(' ')];
    }),
  );
}

/** A name as a one-line value and a separator, a character that no name contains. */
const nameSql = (oid: string) =>
  `quote_literal(replace(replace(${oid}::regclass::text, E'\\n', '\\n'), E'\\r', '\\r') || E'\\x1f')`;

function digestsSql(major: number, among = 'true'): string {
  return `SELECT 'SELECT ' || ${nameSql('c.oid')} || '::text || concat_ws(E''\\x1f'', ${DIGEST.replaceAll("'", "''")}) FROM ONLY ' || c.oid::regclass || ' "a row";'
    ${relationsWithRowsSql(major)} AND ${among} ORDER BY c.oid::regclass::text`;
}

/** Rows and digests of all tables, read through the coordinator. */
export function digestsOf({ cluster, name }: TestDatabase): Promise<Map<string, string>> {
  return queryEach(targetOf(cluster, name), digestsSql(cluster.major));
}

/** Reads everything that is compared of a database. */
export async function databaseContents(database: TestDatabase): Promise<DatabaseContents> {
  return {
    rows: await digestsOf(database),
    schema: await schemaOf(database),
    sequences: await sequencesOf(database),
  };
}

export function sequencesOf({ cluster, name }: TestDatabase): Promise<Map<string, string>> {
  return queryEach(
    targetOf(cluster, name),
    `SELECT 'SELECT ' || ${nameSql('c.oid')} || ' || concat_ws(E''\\x1f'', last_value, is_called) FROM ' || c.oid::regclass || ';'
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE relkind = 'S' AND nspname !~ '^pg_' ORDER BY c.oid::regclass::text`,
  );
}

/**
 * The output of the server's pg_dump, without names that 6 generates anew for the same partition.
 */
export async function schemaOf({ cluster, name }: TestDatabase): Promise<string> {
  const dump = await runTool(targetOf(cluster, name), 'pg_dump', ['--schema-only']);
  return dump
    .replaceAll(/_external_partition_parrelid_\d+_relid_\d+/g, '_external_partition')
    .replaceAll(/(appendonly='\w+'[^)\n]*?) \)/g, '$1)');
}

/** Roles, their settings and memberships, resource queues and groups with this prefix. */
export async function globalsOf(cluster: TestDatabase['cluster'], prefix: string): Promise<string> {
  const args = ['--globals-only', '--resource-queues', '--resource-groups'];
  const dump = await runTool(targetOf(cluster), 'pg_dumpall', args);
  // A statement may have several lines.
  const statements = dump.replaceAll(/^--.*\n/gm, '').split(/;\n/);
  return statements
    .map((statement) => statement.trim())
    .filter((statement) => statement.includes(prefix))
    .join(';\n');
}

/**
 * Rows that are on another segment than their distribution key demands, one line for each table
 * with such rows. Queries on such rows return wrong results, although the number of rows is right.
 */
export async function misplacedRowsOf(database: TestDatabase): Promise<string[]> {
  const { cluster, name } = database;
  const target = targetOf(cluster, name);
  const answers = await psql(
    target,
    `${SETTINGS} ${await psql(target, `${SETTINGS} ${placementSql(cluster.major)}`)}`,
  );
  return answers === '' ? [] : answers.split('\n');
}

/**
 * Copies the keys of each table into a new table, with the segment that each row was on. The keys
 * are expressions, because the planner would not move rows of a plain column: it assumes that they
 * are on the right segment.
 */
function placementSql(major: number): string {
  return `SELECT 'BEGIN; CREATE TEMP TABLE placed ON COMMIT DROP AS SELECT gp_segment_id AS "was on", '
      || (SELECT string_agg('coalesce(' || quote_ident(attname) || ', ' || quote_ident(attname) || ') AS ' || quote_ident(attname), ', ')
          FROM pg_attribute WHERE attrelid = c.oid AND attnum = ANY (d.distkey::int2[]))
      || ' FROM ONLY ' || c.oid::regclass || ' ' || pg_get_table_distributedby(c.oid)
      || '; SELECT ' || ${nameSql('c.oid')} || ', "was on", gp_segment_id, count(*) FROM placed WHERE "was on" <> gp_segment_id GROUP BY 2, 3; COMMIT;'
    ${relationsWithRowsSql(major).replace(' WHERE ', ' JOIN gp_distribution_policy d ON d.localoid = c.oid WHERE ')}
    AND d.policytype = 'p' AND array_length(d.distkey::int2[], 1) > 0`;
}

/** Replicated tables whose copies differ between segments, with the digest of each copy. */
export async function unequalCopiesOf({ cluster, name }: TestDatabase): Promise<string[]> {
  const replicated = `c.oid IN (SELECT localoid FROM gp_distribution_policy WHERE policytype = 'r')`;
  const targets = cluster.segments.map(({ content }) => segmentTargetOf(cluster, content, name));
  const [first, ...others] = await Promise.all(
    targets.map((target) => queryEach(target, digestsSql(cluster.major, replicated))),
  );
  const tables = [...new Set([first, ...others].flatMap((copy) => [...(copy?.keys() ?? [])]))];
  return tables
    .filter((table) => others.some((copy) => copy.get(table) !== first?.get(table)))
    .map((table) =>
      [table, ...[first, ...others].map((copy) => copy?.get(table) ?? 'none')].join(' | '),
    );
}
