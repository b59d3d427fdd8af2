/** As `truthsOf` wants it: relations with rows of their own, on a segment of Greenplum 6. */
export const TABLES = `SELECT n.nspname AS schema, c.relname AS name,
    array(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0
          AND NOT attisdropped ORDER BY attnum) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relstorage IN ('h', 'a', 'c') AND c.relpersistence IN ('p', 'u')
    AND n.nspname !~ '^pg_|^information_schema$|^gp_toolkit$'
    AND c.oid NOT IN (SELECT inhparent FROM pg_inherits)
  ORDER BY 1, 2`;

const rows = (count: number) =>
  `SELECT g AS id, md5(g::text) AS word, g % 4 AS part, g::numeric / 7 AS n FROM generate_series(1, ${count}) g`;
const AO = 'appendonly=true';
const COLUMNS = `${AO}, orientation=column`;
const PARTS = 'PARTITION BY RANGE (part) (START (0) END (4) EVERY (1))';
const FIELDS = '(id int, word text, part int, n numeric)';

/** Tables of each storage: heap, rows and columns append-optimized, leaves, replicated, random. */
export const FIRST_TABLES = [
  `CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')`,
  `CREATE TABLE heap_one AS ${rows(1500)} DISTRIBUTED BY (id)`,
  `CREATE TABLE heap_two AS ${rows(600)} DISTRIBUTED BY (id)`,
  `CREATE TABLE heap_wide (id int, word text, part int, n numeric) DISTRIBUTED BY (id)`,
  `INSERT INTO heap_wide SELECT g, repeat(md5(g::text), 300), g, g FROM generate_series(1, 60) g`,
  `CREATE TABLE heap_random AS ${rows(400)} DISTRIBUTED RANDOMLY`,
  `CREATE TABLE heap_copies AS ${rows(200)} DISTRIBUTED REPLICATED`,
  `CREATE TABLE ao_one WITH (${AO}) AS ${rows(1500)} DISTRIBUTED BY (id)`,
  `CREATE TABLE ao_two WITH (${AO}) AS ${rows(600)} DISTRIBUTED BY (id)`,
  `CREATE TABLE ao_wide ${FIELDS} WITH (${AO}) DISTRIBUTED BY (id)`,
  'ALTER TABLE ao_wide ALTER word SET STORAGE EXTERNAL',
  `INSERT INTO ao_wide SELECT g, repeat(md5(g::text), 300), g, g FROM generate_series(1, 60) g`,
  `CREATE TABLE ao_indexed WITH (${AO}) AS ${rows(600)} DISTRIBUTED BY (id)`,
  'CREATE INDEX ao_index ON ao_indexed (id)',
  `CREATE TABLE ao_copies WITH (${AO}) AS ${rows(200)} DISTRIBUTED REPLICATED`,
  `CREATE TABLE column_one WITH (${COLUMNS}) AS ${rows(1500)} DISTRIBUTED BY (id)`,
  `CREATE TABLE column_two WITH (${COLUMNS}, compresstype=zlib) AS ${rows(600)} DISTRIBUTED BY (id)`,
  `CREATE TABLE column_moods WITH (${COLUMNS}) AS SELECT g AS id, md5(g::text) AS word, g % 4 AS part,
     g::numeric AS n, 'ok'::mood AS m FROM generate_series(1, 300) g DISTRIBUTED BY (id)`,
  `CREATE TABLE leaves_heap ${FIELDS} DISTRIBUTED BY (id) ${PARTS}`,
  `INSERT INTO leaves_heap ${rows(800)}`,
  `CREATE TABLE leaves_ao ${FIELDS} WITH (${AO}) DISTRIBUTED BY (id) ${PARTS}`,
  `INSERT INTO leaves_ao ${rows(800)}`,
  `CREATE TABLE leaves_column ${FIELDS} WITH (${COLUMNS}) DISTRIBUTED BY (id) ${PARTS}`,
  `INSERT INTO leaves_column ${rows(800)}`,
  `CREATE TABLE outside_exchange ${FIELDS} WITH (${AO}) DISTRIBUTED BY (id)`,
  `INSERT INTO outside_exchange SELECT g, 'outside', 1, g FROM generate_series(1, 50) g`,
];
