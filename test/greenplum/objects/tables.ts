/** Rows of keys, texts, numbers, timestamps and NULLs, of at most a few hundred bytes each. */
const rows = (count: number, columns = 'i, ') =>
  `SELECT ${columns}'row ' || i || repeat(' x', i % 40), i * 1.25, CASE WHEN i % 7 > 0 THEN timestamptz 'epoch' + i * interval '7 hours' END FROM generate_series(1, ${count}) i`;

const COLUMNS = 'id int, t text, n numeric, at timestamptz';

/** Makes and fills a table of one storage and distribution. */
function table(name: string, storage: string, distribution: string, count = 2_000): string {
  return `CREATE TABLE kinds.${name} (${COLUMNS}) ${storage === '' ? '' : `WITH (${storage}) `}${distribution};
INSERT INTO kinds.${name} ${rows(count)};`;
}

const BY_ID = 'DISTRIBUTED BY (id)';
const ROW = 'appendonly=true, orientation=row';
const COLUMN = 'appendonly=true, orientation=column';

/** Every storage with every distribution. */
export const tablesSql = () => `
CREATE SCHEMA kinds;
${table('heap', '', BY_ID, 20_000)}
${table('heap_filled', 'fillfactor=50', BY_ID)}
${table('heap_two_keys', '', 'DISTRIBUTED BY (t, id)')}
${table('heap_other_key', '', 'DISTRIBUTED BY (n)')}
${table('heap_randomly', '', 'DISTRIBUTED RANDOMLY', 5_000)}
${table('heap_replicated', '', 'DISTRIBUTED REPLICATED', 1_000)}
${table('heap_opclass', '', 'DISTRIBUTED BY (id cdbhash_int4_ops)')}
${table('ao_row', ROW, BY_ID, 10_000)}
${table('ao_row_zlib', `${ROW}, compresstype=zlib, compresslevel=5, blocksize=65536, checksum=false`, BY_ID)}
${table('ao_row_zstd', `${ROW}, compresstype=zstd, compresslevel=3`, 'DISTRIBUTED BY (at, id)')}
${table('ao_row_randomly', ROW, 'DISTRIBUTED RANDOMLY')}
${table('ao_row_replicated', ROW, 'DISTRIBUTED REPLICATED', 500)}
${table('ao_column', COLUMN, BY_ID, 10_000)}
${table('ao_column_zlib', `${COLUMN}, compresstype=zlib, compresslevel=9`, 'DISTRIBUTED BY (t)')}
${table('ao_column_randomly', `${COLUMN}, compresstype=zstd`, 'DISTRIBUTED RANDOMLY')}
${table('ao_column_replicated', COLUMN, 'DISTRIBUTED REPLICATED', 500)}

CREATE TABLE kinds.ao_column_encodings (id int ENCODING (compresstype=rle_type, compresslevel=2), t text ENCODING (compresstype=zlib, compresslevel=9, blocksize=8192),
  n numeric ENCODING (compresstype=zstd, compresslevel=1), at timestamptz, DEFAULT COLUMN ENCODING (compresstype=rle_type)) WITH (${COLUMN}) ${BY_ID};
INSERT INTO kinds.ao_column_encodings ${rows(5_000, 'i / 100, ')};

-- Nearly all rows of a heap and of an AO table on one segment.
CREATE TABLE kinds.skewed (k int, v text) DISTRIBUTED BY (k);
INSERT INTO kinds.skewed SELECT CASE WHEN i % 100 = 0 THEN i ELSE 1 END, 'v' || i FROM generate_series(1, 10000) i;
CREATE TABLE kinds.ao_skewed (k int, v text) WITH (${ROW}) DISTRIBUTED BY (k);
INSERT INTO kinds.ao_skewed SELECT CASE WHEN i % 1000 = 0 THEN i END, 'v' || i FROM generate_series(1, 5000) i;

${changedSql()}
${emptySql()}
${familySql()}
`;

/** Deleted and updated rows (also where a visibility map hides them), dropped and added columns. */
const changedSql = () =>
  [
    ['changed_heap', ''],
    ['changed_ao_row', ROW],
    ['changed_ao_column', COLUMN],
  ]
    .map(
      ([name = '', storage = '']) => `${table(name, storage, BY_ID, 3_000)}
DELETE FROM kinds.${name} WHERE id % 3 = 0;
UPDATE kinds.${name} SET t = 'changed' WHERE id % 5 = 0;
ALTER TABLE kinds.${name} DROP COLUMN n;
ALTER TABLE kinds.${name} ADD COLUMN "added later" text DEFAULT 'for the old rows';
INSERT INTO kinds.${name} SELECT i, 'late', NULL, 'now' FROM generate_series(5001, 5010) i;`,
    )
    .join('\n');

const emptySql = () => `
CREATE TABLE kinds.empty_heap (${COLUMNS}) ${BY_ID};
CREATE TABLE kinds.empty_ao_row (${COLUMNS}) WITH (${ROW}) ${BY_ID};
CREATE TABLE kinds.empty_ao_column (${COLUMNS}) WITH (${COLUMN}) ${BY_ID};
CREATE TABLE kinds.empty_replicated (${COLUMNS}) DISTRIBUTED REPLICATED;
${table('emptied', '', BY_ID, 10)}
TRUNCATE kinds.emptied;
-- A table without columns has no distribution key, but it has rows.
CREATE TABLE kinds.no_columns () DISTRIBUTED RANDOMLY;
INSERT INTO kinds.no_columns DEFAULT VALUES;
INSERT INTO kinds.no_columns DEFAULT VALUES;
CREATE TABLE kinds.one_row (only_key int) ${'DISTRIBUTED BY (only_key)'};
INSERT INTO kinds.one_row VALUES (NULL);
-- A backup does not contain its rows.
CREATE UNLOGGED TABLE kinds.unlogged (id int) ${BY_ID};
INSERT INTO kinds.unlogged SELECT generate_series(1, 10);
`;

/** Inheritance without partitioning: the parent has its own rows. */
const familySql = () => `
CREATE TABLE kinds.parent (id int, t text) ${BY_ID};
CREATE TABLE kinds.child (extra date, CHECK (id > 1000)) INHERITS (kinds.parent) ${BY_ID};
CREATE TABLE kinds.grandchild (more text) INHERITS (kinds.child) ${BY_ID};
INSERT INTO kinds.parent SELECT i, 'parent' FROM generate_series(1, 100) i;
INSERT INTO kinds.child SELECT i, 'child', '2024-02-29' FROM generate_series(1001, 1200) i;
INSERT INTO kinds.grandchild SELECT i, 'grandchild', NULL, E'\\n' FROM generate_series(2001, 2050) i;
CREATE TYPE kinds.shape AS (id int, name text);
CREATE TABLE kinds.of_type OF kinds.shape ${BY_ID};
INSERT INTO kinds.of_type SELECT i, 'typed' FROM generate_series(1, 50) i;
`;

/** Bytes of one row of `bigSql` in COPY text format, measured. */
const BIG_ROW_BYTES = 109;

/** Makes `big.heap` and `big.ao` of about `megabytes` together, for tests that interrupt a run. */
export const bigSql = (megabytes = 50) =>
  ['heap', 'ao']
    .map((name) => ({ name, storage: name === 'ao' ? `WITH (${COLUMN})` : '' }))
    .map(
      ({
        name,
        storage,
      }) => `CREATE TABLE big.${name} (id bigint, a text, b text) ${storage} ${BY_ID};
INSERT INTO big.${name} SELECT i, md5(i::text) || md5((i + 1)::text), md5((-i)::text) || ' ' || i FROM generate_series(1, ${Math.ceil((megabytes * 1_000_000) / BIG_ROW_BYTES / 2)}) i;`,
    )
    .reduce((script, one) => `${script}\n${one}`, 'CREATE SCHEMA big;');
