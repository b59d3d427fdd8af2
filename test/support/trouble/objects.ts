/** Views, extensions, foreign data, large objects, text search, collations and publications. */
export const objectsSql = (content: number) => `
CREATE SCHEMA objects;
CREATE TABLE objects.base (id int PRIMARY KEY, t text, grp int);
INSERT INTO objects.base SELECT i, 'base ' || i, i % 10 FROM generate_series(1, 100 + ${content}) i;

CREATE VIEW objects.v1 AS SELECT id, t FROM objects.base WHERE grp < 5;
CREATE VIEW objects.v2 WITH (security_barrier) AS SELECT * FROM objects.v1 WHERE id % 2 = 0 WITH LOCAL CHECK OPTION;
CREATE RECURSIVE VIEW objects.counting (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM counting WHERE n < 10;
CREATE VIEW objects.no_columns AS SELECT;
CREATE VIEW objects.grouped AS SELECT id, t, count(*) FROM objects.base GROUP BY id; -- depends on the primary key
ALTER VIEW objects.v1 ALTER COLUMN t SET DEFAULT 'from the view';
-- a refers to b and b to a: pg_dump has to break the cycle
CREATE VIEW objects.circle_a AS SELECT 1 AS x;
CREATE VIEW objects.circle_b AS SELECT x FROM objects.circle_a;
CREATE OR REPLACE VIEW objects.circle_a AS SELECT 1 AS x WHERE NOT EXISTS (SELECT FROM objects.base WHERE id < 0);

CREATE MATERIALIZED VIEW objects.z_first AS SELECT grp, count(*) AS n FROM objects.base GROUP BY grp;
CREATE MATERIALIZED VIEW objects.a_second AS SELECT sum(n) AS total FROM objects.z_first; -- its name sorts before what it needs
CREATE MATERIALIZED VIEW objects.m_third AS SELECT total + 1 AS more FROM objects.a_second, objects.v2 LIMIT 1;
CREATE UNIQUE INDEX ON objects.z_first (grp);
CREATE MATERIALIZED VIEW objects.unpopulated AS SELECT * FROM objects.base WITH NO DATA;

CREATE EXTENSION hstore SCHEMA objects;
CREATE EXTENSION citext SCHEMA objects;
CREATE EXTENSION pg_trgm SCHEMA objects;
-- (Left out: an extension with a configuration table. None of contrib's has one.)
CREATE TABLE objects.uses_extensions (h objects.hstore, c objects.citext UNIQUE, t text);
INSERT INTO objects.uses_extensions VALUES ('"a b"=>"c\\"d", e=>NULL', 'CaSe', 'trigram'), ('', '${content}', NULL);
CREATE INDEX ON objects.uses_extensions USING gin (t objects.gin_trgm_ops);
CREATE INDEX ON objects.uses_extensions USING gist (h);
CREATE FUNCTION objects.member() RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION objects.member() DEPENDS ON EXTENSION hstore;

CREATE EXTENSION postgres_fdw SCHEMA objects;
CREATE EXTENSION file_fdw SCHEMA objects;
CREATE SERVER "far away" FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '203.0.113.1', port '1', dbname 'a b''c');
CREATE USER MAPPING FOR PUBLIC SERVER "far away" OPTIONS (user 'nobody');
CREATE FOREIGN TABLE objects.far (a int OPTIONS (column_name 'A'), b text) SERVER "far away" OPTIONS (table_name 'x');
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE objects.no_such_file (line text) SERVER files OPTIONS (filename '/nonexistent/stowage');
CREATE TABLE objects.parts_far (k int, v text) PARTITION BY LIST (k);
CREATE TABLE objects.parts_near PARTITION OF objects.parts_far FOR VALUES IN (1);
CREATE FOREIGN TABLE objects.parts_there PARTITION OF objects.parts_far FOR VALUES IN (2) SERVER "far away";
INSERT INTO objects.parts_near SELECT 1, 'near' FROM generate_series(1, 3 + ${content});

SELECT lo_from_bytea(4711000, 'large object of ${content}');
SELECT lo_from_bytea(4711001, '');
SELECT lo_from_bytea(4711002, decode(repeat(md5('${content}'), 65536), 'hex')); -- 1 MiB
COMMENT ON LARGE OBJECT 4711000 IS 'a large object';
CREATE TABLE objects.refers_to_large_objects (id int, lo oid);
INSERT INTO objects.refers_to_large_objects VALUES (1, 4711000), (2, 4711002);

CREATE COLLATION objects.phonebook (provider = icu, locale = 'de-u-co-phonebk');
CREATE COLLATION objects.ignores_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION objects."copied ""C""" FROM "C";
CREATE TABLE objects.collated (a text COLLATE objects.phonebook, b text COLLATE objects.ignores_case UNIQUE, c text COLLATE objects."copied ""C""");
INSERT INTO objects.collated VALUES ('Äpfel', 'Straße', 'z'), ('Apfel', 'other', 'A');
CREATE TEXT SEARCH DICTIONARY objects.short (TEMPLATE = simple, stopwords = english);
CREATE TEXT SEARCH CONFIGURATION objects.plain (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION objects.plain ALTER MAPPING FOR asciiword, word WITH objects.short, simple;
CREATE INDEX ON objects.base USING gin (to_tsvector('objects.plain', t));
CREATE DEFAULT CONVERSION objects.utf8_to_latin1 FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
CREATE PUBLICATION trouble_some FOR TABLE objects.base, parts.by_range WITH (publish = 'insert, update', publish_via_partition_root = true);
CREATE PUBLICATION "trouble all" FOR ALL TABLES;
`;
