import type { Client } from 'pg';
import { quoteQualified } from '../../database/session/quote.ts';

/** The schema whose tables no set has. Transactions that write there stay in progress. */
export const SKIPPED = 'skipped';

/** The tables of a new world: each kind of type whose text depends on the catalogs has one. */
export const FIRST_TABLES = [
  `CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')`,
  'CREATE TYPE pair AS (a int, b text, m mood)',
  'CREATE DOMAIN short AS text CHECK (length(value) < 1000)',
  'CREATE DOMAIN moods AS mood',
  'CREATE DOMAIN named AS regclass',
  'CREATE TYPE span AS RANGE (subtype = mood)',
  `CREATE SCHEMA ${SKIPPED}`,
  `CREATE TABLE ${SKIPPED}.noise (id int, word text)`,
  `CREATE TABLE plain AS SELECT g AS id, md5(g::text) AS word, g::numeric / 7 AS n
     FROM generate_series(1, 3000) g`,
  `CREATE TABLE enums AS SELECT g AS id, 'ok'::mood AS m, '{sad,happy}'::mood[] AS ms,
     'happy'::moods AS d, '[sad,happy]'::span AS s, md5(g::text) AS word FROM generate_series(1, 800) g`,
  `CREATE TABLE pairs AS SELECT g AS id, row(g, md5(g::text), 'sad')::pair AS p,
     array[row(g, 'x', 'ok')::pair] AS ps FROM generate_series(1, 500) g`,
  `CREATE TABLE names AS SELECT g AS id, 'plain'::regclass AS c, 'clerk'::regrole AS r,
     'mood'::regtype AS t, array['enums'::regclass] AS cs, 'pairs'::named AS d, 'public'::regnamespace AS n,
     md5(g::text) AS word FROM generate_series(1, 300) g`,
  `CREATE TABLE grants AS SELECT g AS id, makeaclitem('clerk'::regrole, 'clerk'::regrole, 'SELECT', false) AS a,
     md5(g::text) AS word FROM generate_series(1, 300) g`,
  `CREATE TABLE wide AS SELECT g AS id, (SELECT string_agg(md5((g * i)::text), '')
     FROM generate_series(1, 200) i) AS big, '{"a": 1}'::jsonb AS doc FROM generate_series(1, 30) g`,
  `CREATE TABLE times AS SELECT g AS id, '2026-01-01 12:00Z'::timestamptz + g * interval '1 hour' AS at,
     g::money AS cash, '1 day 2 hours'::interval AS i, g::float8 / 3 AS f, '\\x00ff'::bytea AS b
     FROM generate_series(1, 500) g`,
  `CREATE TABLE grown AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, 800) g`,
  `CREATE TABLE left_one AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, 500) g`,
  `CREATE TABLE right_one AS SELECT g AS id, md5((-g)::text) AS word FROM generate_series(1, 500) g`,
  `CREATE UNLOGGED TABLE cache AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, 300) g`,
  'CREATE TABLE parted (id int, word text) PARTITION BY LIST ((id % 3))',
  'CREATE TABLE part_0 PARTITION OF parted FOR VALUES IN (0)',
  'CREATE TABLE part_1 PARTITION OF parted FOR VALUES IN (1)',
  'CREATE TABLE part_2 PARTITION OF parted FOR VALUES IN (2)',
  'INSERT INTO parted SELECT g, md5(g::text) FROM generate_series(1, 900) g',
  'CREATE TABLE child (more text) INHERITS (plain)',
  `INSERT INTO child SELECT g, md5(g::text), g, 'more' FROM generate_series(1, 200) g`,
  `CREATE TABLE made (id int, word text, twice int GENERATED ALWAYS AS (id * 2) STORED)`,
  `INSERT INTO made SELECT g, md5(g::text) FROM generate_series(1, 300) g`,
];

export interface ModelColumn {
  readonly name: string;
  readonly type: string;
}

/** A table as the catalogs have it now. */
export interface ModelTable {
  /** Quoted, with its schema. */
  readonly sql: string;
  readonly name: string;
  readonly columns: readonly ModelColumn[];
  readonly isPartition: boolean;
  readonly isUnlogged: boolean;
}

/** What an action can choose from. */
export interface Catalog {
  readonly tables: readonly ModelTable[];
  readonly labels: readonly string[];
  readonly attributes: readonly string[];
  readonly roles: readonly string[];
}

const TABLES = `SELECT relname AS name, relispartition AS partition, relpersistence = 'u' AS unlogged,
    (SELECT coalesce(json_agg(json_build_object('name', attname, 'type', format_type(atttypid, atttypmod)) ORDER BY attnum), '[]')
     FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS columns
  FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname`;

interface TableRow {
  readonly name: string;
  readonly partition: boolean;
  readonly unlogged: boolean;
  readonly columns: ModelColumn[];
}

export async function readCatalog(client: Client): Promise<Catalog> {
  const { rows } = await client.query<TableRow>(TABLES);
  const texts = async (sql: string) =>
    (await client.query<{ text: string }>(sql)).rows.map(({ text }) => text);
  return {
    tables: rows.map(({ name, partition, unlogged, columns }) => ({
      sql: quoteQualified({ schema: 'public', name }),
      name,
      columns,
      isPartition: partition,
      isUnlogged: unlogged,
    })),
    labels: await texts(
      `SELECT enumlabel AS text FROM pg_enum WHERE enumtypid = 'mood'::regtype ORDER BY enumsortorder`,
    ),
    attributes: await texts(
      `SELECT attname AS text FROM pg_attribute WHERE attrelid = (SELECT typrelid FROM pg_type WHERE oid = 'pair'::regtype)
       AND NOT attisdropped ORDER BY attnum`,
    ),
    roles: await texts(
      `SELECT rolname AS text FROM pg_roles WHERE rolname ~ '^clerk' ORDER BY rolname`,
    ),
  };
}

/** A value of a type, as SQL that depends on the number `g`. */
export function valueFor(
  { type }: ModelColumn,
  { labels, attributes }: Catalog,
  g: string,
): string {
  const label = `(array[${labels.map((text) => `'${text}'`).join(', ')}])[1 + abs(${g}) % ${labels.length}]`;
  const base = type.replace(/\(.*\)$/, '');
  switch (base) {
    case 'integer':
    case 'bigint':
    case 'numeric':
    case 'double precision':
      return `(${g})::${type}`;
    case 'oid':
      return `abs(${g})::oid`;
    case 'text':
    case 'character varying':
    case 'short':
      return `left(md5((${g})::text), 10)::${type}`;
    case 'mood':
    case 'moods':
      return `(${label})::mood`;
    case 'mood[]':
      return `array[${label}]::mood[]`;
    case 'pair':
      return `row(${attributes.map(() => 'NULL').join(', ')})::pair`;
    case 'timestamp with time zone':
    case 'timestamp without time zone':
      return `('2026-06-01'::timestamptz + (${g}) * interval '1 minute')::${type}`;
    case 'money':
      return `(${g})::numeric::money`;
    case 'jsonb':
      return `jsonb_build_object('g', ${g})`;
    case 'regclass':
      return `'plain'::regclass`;
    default:
      return 'NULL';
  }
}
