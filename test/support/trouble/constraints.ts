import { since } from './types.ts';

/** Constraints that need a certain load order, and rows that break a constraint added later. */
export const constraintsSql = (content: number) => `
CREATE SCHEMA rules;

CREATE TABLE rules.tree (id int PRIMARY KEY, parent int REFERENCES rules.tree, name text NOT NULL);
INSERT INTO rules.tree SELECT i, NULLIF(i / 2, 0), 'node ' || i || ' of ${content}' FROM generate_series(1, 100) i;
UPDATE rules.tree SET parent = 100 - id WHERE id BETWEEN 40 AND 49; -- some rows come before the row they refer to

CREATE TABLE rules.egg (id int PRIMARY KEY, hen int NOT NULL);
CREATE TABLE rules.hen (id int PRIMARY KEY, egg int NOT NULL REFERENCES rules.egg DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO rules.hen SELECT i, i FROM generate_series(1, 10 + ${content}) i;
INSERT INTO rules.egg SELECT i, i FROM generate_series(1, 10 + ${content}) i;
COMMIT;
ALTER TABLE rules.egg ADD FOREIGN KEY (hen) REFERENCES rules.hen ON DELETE CASCADE ON UPDATE SET DEFAULT DEFERRABLE INITIALLY IMMEDIATE;

CREATE TABLE rules.two_keys (a int, b text, UNIQUE (a, b), PRIMARY KEY (b, a) INCLUDE (c), c int);
CREATE TABLE rules.refers_to_two (x int, y text, FOREIGN KEY (x, y) REFERENCES rules.two_keys (a, b) MATCH FULL);
INSERT INTO rules.two_keys SELECT i, 'k' || i, i FROM generate_series(1, 10) i;
INSERT INTO rules.refers_to_two VALUES (1, 'k1'), (NULL, NULL);
CREATE TABLE rules.refers_to_partitions (id int, at date, FOREIGN KEY (id, at) REFERENCES parts.by_range);
INSERT INTO rules.refers_to_partitions SELECT id, at FROM parts.by_range LIMIT 5;

CREATE TABLE rules.booking (room int, during tsrange, EXCLUDE USING gist (during WITH &&) WHERE (room = 1));
INSERT INTO rules.booking VALUES (1, '[2024-01-01,2024-01-02)'), (1, '[2024-01-02,2024-01-03)'), (2, '[2024-01-01,2024-01-09)'), (2, '[2024-01-01,2024-01-09)');

-- A constraint may only call functions that set their own search_path: restores run with an empty one.
-- (Left out: a check whose function reads another table. pg_dump does not restore it either; PostgreSQL's
-- documentation says that such constraints are not supported.)
CREATE FUNCTION rules.digit_sum(t text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog AS
  $$ SELECT sum(d::int) FROM regexp_split_to_table(t, '') d $$;
CREATE TABLE rules.checked (number text CHECK (rules.digit_sum(number) % 3 = 0), a int, b int, CONSTRAINT "a < b" CHECK (a < b) NO INHERIT);
INSERT INTO rules.checked SELECT (i * 3)::text, i, i + 1 FROM generate_series(1, 20 + ${content}) i;

-- Rows that break a constraint which was added later as NOT VALID.
CREATE TABLE rules.not_valid (a int, b int);
INSERT INTO rules.not_valid VALUES (-1, 999), (1, 1);
ALTER TABLE rules.not_valid ADD CHECK (a > 0) NOT VALID, ADD FOREIGN KEY (b) REFERENCES rules.tree NOT VALID;

CREATE TABLE rules.indexed (id int, t text, j jsonb, r int4range, a int[]);
INSERT INTO rules.indexed SELECT i, 'Text ' || i, jsonb_build_object('i', i), int4range(i, i + 5), ARRAY[i] FROM generate_series(1, 100 + ${content}) i;
CREATE UNIQUE INDEX by_lower ON rules.indexed (lower(t), (id % 7) DESC NULLS LAST);
CREATE INDEX "partial & quoted" ON rules.indexed (id) INCLUDE (t) WHERE t LIKE 'Text 1%';
CREATE INDEX ON rules.indexed USING gin (j jsonb_path_ops);
CREATE INDEX ON rules.indexed USING gist (r);
CREATE INDEX ON rules.indexed USING brin (id) WITH (pages_per_range = 4);
CREATE INDEX ON rules.indexed USING hash (t);
CREATE INDEX ON rules.indexed USING spgist (t text_ops);
CREATE INDEX ON rules.indexed (t COLLATE "C" text_pattern_ops);
CREATE UNIQUE INDEX for_replica ON rules.tree (id, name);
ALTER TABLE rules.tree REPLICA IDENTITY USING INDEX for_replica;
ALTER TABLE rules.two_keys CLUSTER ON two_keys_a_b_key;
ALTER INDEX rules.by_lower ALTER COLUMN 1 SET STATISTICS 300;
CREATE STATISTICS rules.related (dependencies, ndistinct, mcv) ON id, t FROM rules.indexed;
${since(140000, 'CREATE STATISTICS rules.of_expressions ON lower(t), (id % 7) FROM rules.indexed')}
${since(150000, 'CREATE TABLE rules.nulls_are_equal (a int UNIQUE NULLS NOT DISTINCT)')}
`;
