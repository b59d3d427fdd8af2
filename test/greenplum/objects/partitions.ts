/** Greenplum's own syntax, for both versions: templates, default partitions, mixed storages. */
const classicSql = () => `
CREATE SCHEMA parts;
CREATE TABLE parts.sales (id int, at date, region text, amount numeric) DISTRIBUTED BY (id)
PARTITION BY RANGE (at) SUBPARTITION BY LIST (region)
SUBPARTITION TEMPLATE (SUBPARTITION eu VALUES ('eu'), SUBPARTITION america VALUES ('us', 'ca'), DEFAULT SUBPARTITION elsewhere)
(START (date '2024-01-01') INCLUSIVE END (date '2024-07-01') EXCLUSIVE EVERY (INTERVAL '1 month'), DEFAULT PARTITION other_months);
INSERT INTO parts.sales SELECT i, date '2023-12-01' + i % 300, (ARRAY['eu', 'us', 'ca', 'jp', NULL])[i % 5 + 1], i / 8.0 FROM generate_series(1, 20000) i;

-- Old rows in columns and compressed, new ones in a heap.
CREATE TABLE parts.aged (id int, year int, t text) DISTRIBUTED BY (id, year)
PARTITION BY RANGE (year)
(PARTITION oldest START (2000) END (2010) WITH (appendonly=true, orientation=column, compresstype=zlib, compresslevel=6),
 PARTITION older START (2010) END (2020) WITH (appendonly=true, orientation=row, compresstype=zstd),
 PARTITION newest START (2020) END (2030), DEFAULT PARTITION whenever WITH (appendonly=true, orientation=column));
INSERT INTO parts.aged SELECT i, 1990 + i % 50, 'row ' || i FROM generate_series(1, 5000) i;

CREATE TABLE parts.by_list (id int, kind char(1), t text) WITH (appendonly=true) DISTRIBUTED RANDOMLY
PARTITION BY LIST (kind) (PARTITION vowels VALUES ('a', 'e', 'i', 'o', 'u'), PARTITION nothing VALUES (NULL), DEFAULT PARTITION others);
INSERT INTO parts.by_list SELECT i, CASE WHEN i % 9 > 0 THEN chr(97 + i % 26) END, repeat('t', i % 10) FROM generate_series(1, 3000) i;

CREATE TABLE parts.deep (id int, a int, b text, c date) DISTRIBUTED BY (id)
PARTITION BY RANGE (a) SUBPARTITION BY LIST (b) SUBPARTITION TEMPLATE (SUBPARTITION x VALUES ('x'), DEFAULT SUBPARTITION y)
SUBPARTITION BY RANGE (c) SUBPARTITION TEMPLATE (START (date '2024-01-01') END (date '2024-03-01') EVERY (INTERVAL '1 month'), DEFAULT SUBPARTITION z)
(START (0) END (4) EVERY (2), DEFAULT PARTITION rest);
INSERT INTO parts.deep SELECT i, i % 5, (ARRAY['x', 'y', NULL])[i % 3 + 1], date '2023-12-15' + i % 100 FROM generate_series(1, 3000) i;

CREATE TABLE parts.empty (id int, k int) DISTRIBUTED BY (id) PARTITION BY RANGE (k) (START (0) END (3) EVERY (1));
CREATE TABLE parts."hostile ""root"". /" (id int, "k 1" int) DISTRIBUTED BY (id)
PARTITION BY RANGE ("k 1") (PARTITION "p ""1"". /" START (0) END (10), DEFAULT PARTITION "Other 🙂");
INSERT INTO parts."hostile ""root"". /" SELECT i, i % 12 FROM generate_series(1, 500) i;
`;

/** Leaves that differ from their root: another order of columns, added and dropped columns. */
const changedSql = () => `
CREATE TABLE parts.changed (id int, gone text, k int, t text) DISTRIBUTED BY (id)
PARTITION BY RANGE (k) (PARTITION one START (0) END (10), PARTITION two START (10) END (20));
INSERT INTO parts.changed SELECT i, 'gone', i % 20, 'row ' || i FROM generate_series(1, 1000) i;
ALTER TABLE parts.changed DROP COLUMN gone;
ALTER TABLE parts.changed ADD COLUMN later numeric DEFAULT 1.5;
ALTER TABLE parts.changed ADD PARTITION three START (20) END (30) WITH (appendonly=true);
INSERT INTO parts.changed SELECT i, i % 30, 'late', i FROM generate_series(1001, 2000) i WHERE i % 30 >= 20;
CREATE TABLE parts.came_in (id int, k int, t text, later numeric DEFAULT 1.5) WITH (appendonly=true, orientation=column) DISTRIBUTED BY (id);
INSERT INTO parts.came_in SELECT i, 10 + i % 10, 'came in', i FROM generate_series(1, 300) i;
ALTER TABLE parts.changed EXCHANGE PARTITION two WITH TABLE parts.came_in;
CREATE INDEX changed_k ON parts.changed (k);
`;

/** Only in 6: split partitions, a root with a unique index, a leaf that is an external table. */
const onlySixSql = () => `
ALTER TABLE parts.aged SPLIT PARTITION newest AT (2025) INTO (PARTITION newest, PARTITION future);
CREATE INDEX sales_region ON parts.sales USING bitmap (region);
CREATE UNIQUE INDEX deep_unique ON parts.deep (id, a, b, c);
CREATE TABLE parts.archived (id int, year int, t text) DISTRIBUTED RANDOMLY
PARTITION BY RANGE (year) (PARTITION away START (2000) END (2010), PARTITION here START (2010) END (2020));
INSERT INTO parts.archived SELECT i, 2010 + i % 10, 'here' FROM generate_series(1, 200) i;
CREATE READABLE EXTERNAL WEB TABLE parts.shelf (id int, year int, t text) EXECUTE 'printf "1\\t2001\\taway\\n"' ON MASTER FORMAT 'TEXT';
ALTER TABLE parts.archived EXCHANGE PARTITION away WITH TABLE parts.shelf WITHOUT VALIDATION;
`;

/** Only in 7: the syntax of PostgreSQL 12. */
const sinceSevenSql = () => `
CREATE TABLE parts.hashed (id int, t text) PARTITION BY HASH (id) DISTRIBUTED BY (id);
CREATE TABLE parts.hashed_0 PARTITION OF parts.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts.hashed_1 PARTITION OF parts.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1) WITH (appendonly=true);
INSERT INTO parts.hashed SELECT i, 'hashed' FROM generate_series(1, 500) i;
CREATE SCHEMA generated;
CREATE TABLE generated.columns (id int, doubled int GENERATED ALWAYS AS (id * 2) STORED, own int GENERATED ALWAYS AS IDENTITY) DISTRIBUTED BY (id);
INSERT INTO generated.columns (id) SELECT generate_series(1, 100);
`;

/** Partitioned tables of every form that the version supports. */
export const partitionsSql = (major: number) =>
  [classicSql(), changedSql(), major >= 7 ? sinceSevenSql() : onlySixSql()].join('\n');
