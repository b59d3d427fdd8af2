/** Partitioned tables of each kind. Only leaves have rows; their column order may differ. */
export const partitionsSql = (content: number) => `
CREATE SCHEMA parts;

CREATE TABLE parts.by_range (id int, at date NOT NULL, t text) PARTITION BY RANGE (at);
CREATE TABLE parts.by_range_2023 PARTITION OF parts.by_range FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
CREATE TABLE parts.by_range_2024 PARTITION OF parts.by_range FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE parts.by_range_rest PARTITION OF parts.by_range DEFAULT;
CREATE TABLE parts.other_order (t text, gone int, at date NOT NULL, id int);
ALTER TABLE parts.other_order DROP COLUMN gone;
ALTER TABLE parts.by_range ATTACH PARTITION parts.other_order FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO parts.by_range SELECT i, date '2023-06-01' + i * 7, 'week ' || i || ' of ${content}' FROM generate_series(1, 200) i;
ALTER TABLE parts.by_range ADD PRIMARY KEY (id, at);
CREATE INDEX ON parts.by_range (t) WHERE id > 10;

CREATE TABLE parts.by_list (kind text, n int) PARTITION BY LIST (kind);
CREATE TABLE parts."by list, ""a"" & NULL" PARTITION OF parts.by_list FOR VALUES IN ('a', 'it''s', NULL);
CREATE TABLE parts.by_list_b PARTITION OF parts.by_list FOR VALUES IN ('b') PARTITION BY RANGE (n);
CREATE TABLE parts.by_list_b_low PARTITION OF parts.by_list_b FOR VALUES FROM (MINVALUE) TO (10);
CREATE TABLE parts.by_list_b_high PARTITION OF parts.by_list_b FOR VALUES FROM (10) TO (MAXVALUE) PARTITION BY HASH (n);
CREATE TABLE parts.by_list_b_high_0 PARTITION OF parts.by_list_b_high FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts.by_list_b_high_1 PARTITION OF parts.by_list_b_high FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE parts.by_list_empty PARTITION OF parts.by_list FOR VALUES IN ('nothing');
INSERT INTO parts.by_list SELECT (ARRAY['a', 'it''s', NULL, 'b'])[i % 4 + 1], i + ${content} FROM generate_series(1, 100) i;

CREATE SCHEMA "parts elsewhere";
CREATE TABLE parts.by_hash (id bigint, t text COLLATE "C", twice bigint GENERATED ALWAYS AS (id * 2) STORED) PARTITION BY HASH (id, t);
CREATE TABLE "parts elsewhere"."hash 0" PARTITION OF parts.by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE "parts elsewhere"."hash 1" PARTITION OF parts.by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE "parts elsewhere"."hash 2" PARTITION OF parts.by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO parts.by_hash(id, t) SELECT i, md5('${content}' || i) FROM generate_series(1, 300) i;

-- The partition of a row depends on the sort order of an enum: rows must be loaded into their leaf, not through the root.
CREATE TYPE parts.size AS ENUM ('small', 'large');
CREATE TABLE parts.by_enum (s parts.size, n int) PARTITION BY LIST (s);
CREATE TABLE parts.by_enum_small PARTITION OF parts.by_enum FOR VALUES IN ('small');
CREATE TABLE parts.by_enum_large PARTITION OF parts.by_enum FOR VALUES IN ('large');
INSERT INTO parts.by_enum SELECT (ARRAY['small', 'large'])[i % 2 + 1]::parts.size, i FROM generate_series(1, 20 + ${content}) i;

CREATE TABLE parts.no_partitions (a int) PARTITION BY LIST (a);
CREATE TABLE parts.by_expression (a text) PARTITION BY LIST (lower(a));
CREATE TABLE parts.by_expression_x PARTITION OF parts.by_expression FOR VALUES IN ('x');
INSERT INTO parts.by_expression VALUES ('X'), ('x');
CREATE UNLOGGED TABLE parts.unlogged_leaf (kind text, n int);
ALTER TABLE parts.by_list ATTACH PARTITION parts.unlogged_leaf FOR VALUES IN ('unlogged');
INSERT INTO parts.by_list VALUES ('unlogged', 1);
`;
