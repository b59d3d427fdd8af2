/** Functions, views, rules, sequences, constraints, indexes and external tables. */
export const logicSql = (major: number) =>
  [
    codeSql(),
    sequencesSql(),
    constraintsSql(),
    viewsSql(),
    externalSql(),
    major >= 7 ? '' : extensionsSql(),
  ].join('\n');

const codeSql = () => String.raw`
CREATE SCHEMA code;
CREATE FUNCTION code.add(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS 'SELECT a + b';
CREATE FUNCTION code.quoted(t text) RETURNS text LANGUAGE plpgsql STABLE AS $body$
BEGIN
  -- $$ '; \. "
  RETURN E'it''s \\ ' || quote_literal(t) || '$$';
END $body$;
CREATE FUNCTION code.reads(n int) RETURNS SETOF int LANGUAGE sql READS SQL DATA ROWS 10 COST 5 AS 'SELECT generate_series(1, n)';
CREATE FUNCTION code.on_segments() RETURNS SETOF int LANGUAGE plpgsql NO SQL EXECUTE ON ALL SEGMENTS AS 'BEGIN RETURN NEXT 1; END';
CREATE FUNCTION code."Hostile ""name"". /"(VARIADIC "a b" text[], OUT c int, OUT "D" text) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS 'BEGIN c := 1; END';
CREATE FUNCTION code.sum_step(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT coalesce($1, 0) + coalesce($2, 0)';
CREATE AGGREGATE code.total(int) (SFUNC = code.sum_step, STYPE = int, INITCOND = '0');
CREATE OPERATOR code.@+@ (LEFTARG = int, RIGHTARG = int, PROCEDURE = code.sum_step, COMMUTATOR = OPERATOR(code.@+@));
CREATE TYPE code.celsius AS (degrees numeric);
CREATE FUNCTION code.to_numeric(code.celsius) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1.degrees';
CREATE CAST (code.celsius AS numeric) WITH FUNCTION code.to_numeric(code.celsius);
CREATE TEXT SEARCH DICTIONARY code.short (TEMPLATE = simple, stopwords = english);
CREATE TEXT SEARCH CONFIGURATION code.plain (COPY = simple);
CREATE COLLATION code."copied ""C""" FROM "C";
`;

const sequencesSql = () => `
CREATE SCHEMA seqs;
CREATE SEQUENCE seqs.plain;
CREATE SEQUENCE seqs.advanced START 100 INCREMENT 7 CACHE 5;
SELECT setval('seqs.advanced', 12345);
CREATE SEQUENCE seqs.not_called START 5;
SELECT setval('seqs.not_called', 77, false);
CREATE SEQUENCE seqs.down INCREMENT -3 MINVALUE -9223372036854775807 MAXVALUE -1 CYCLE;
SELECT nextval('seqs.down'), nextval('seqs.down');
CREATE SEQUENCE seqs."hostile "".' /";
SELECT setval('seqs."hostile "".'' /"', 9223372036854775807);
CREATE TABLE seqs.numbered (id serial, big bigserial, t text, other int DEFAULT nextval('seqs.advanced')) DISTRIBUTED BY (id);
INSERT INTO seqs.numbered (t) SELECT 'row' FROM generate_series(1, 1000);
CREATE TABLE seqs.numbered_ao (id bigserial, t text) WITH (appendonly=true) DISTRIBUTED BY (id);
INSERT INTO seqs.numbered_ao (t) SELECT 'row' FROM generate_series(1, 500);
`;

const constraintsSql = () => `
CREATE SCHEMA rules;
CREATE TABLE rules.keyed (id int PRIMARY KEY, code text NOT NULL DEFAULT 'x''y\\z', v int, CONSTRAINT "a < b" CHECK (v < 1000000)) DISTRIBUTED BY (id);
INSERT INTO rules.keyed SELECT i, 'code ' || i, i FROM generate_series(1, 2000) i;
CREATE TABLE rules.uniquely (a int, b text, c int, UNIQUE (a, b)) DISTRIBUTED BY (a);
INSERT INTO rules.uniquely SELECT i, 'b' || i, i FROM generate_series(1, 500) i;
CREATE TABLE rules.refers (id int PRIMARY KEY, keyed int REFERENCES rules.keyed, self int REFERENCES rules.refers) DISTRIBUTED BY (id);
INSERT INTO rules.refers SELECT i, i, nullif(i - 1, 0) FROM generate_series(1, 500) i;
CREATE TABLE rules.replicated_key (id int PRIMARY KEY, t text UNIQUE) DISTRIBUTED REPLICATED;
INSERT INTO rules.replicated_key SELECT i, 't' || i FROM generate_series(1, 100) i;
ALTER TABLE rules.keyed ADD CONSTRAINT never_looked_at CHECK (id <> 7) NOT VALID;

CREATE TABLE rules.indexed (id int, low int, t text, doc tsvector, r int4range) DISTRIBUTED BY (id);
INSERT INTO rules.indexed SELECT i, i % 10, 'text ' || i, to_tsvector('simple', 'word' || i), int4range(i, i + 5) FROM generate_series(1, 3000) i;
CREATE INDEX indexed_bitmap ON rules.indexed USING bitmap (low);
CREATE INDEX "partial & quoted" ON rules.indexed (t DESC NULLS LAST) WHERE low > 3 AND t <> '''';
CREATE INDEX indexed_expression ON rules.indexed (lower(t), (id + low));
CREATE INDEX indexed_gin ON rules.indexed USING gin (doc);
CREATE INDEX indexed_gist ON rules.indexed USING gist (r);
CREATE TABLE rules.indexed_ao (id int, low int, t text) WITH (appendonly=true, orientation=column) DISTRIBUTED BY (id);
INSERT INTO rules.indexed_ao SELECT i, i % 5, 'text ' || i FROM generate_series(1, 3000) i;
CREATE INDEX indexed_ao_bitmap ON rules.indexed_ao USING bitmap (low);
CREATE INDEX indexed_ao_btree ON rules.indexed_ao (id, t);
ALTER TABLE rules.indexed ALTER t SET STATISTICS 500, ALTER t SET STORAGE EXTERNAL;
CREATE TABLE rules.clustered (id int, t text) DISTRIBUTED BY (id);
CREATE INDEX clustered_t ON rules.clustered (t);
ALTER TABLE rules.clustered CLUSTER ON clustered_t;
`;

const viewsSql = () => `
CREATE SCHEMA views;
CREATE VIEW views.v1 AS SELECT id, low FROM rules.indexed WHERE low < 5;
CREATE VIEW views.v2 WITH (security_barrier) AS SELECT v1.id, k.code FROM views.v1 JOIN rules.keyed k USING (id);
CREATE VIEW views.windowed AS SELECT id, rank() OVER (PARTITION BY low ORDER BY id DESC) FROM rules.indexed;
CREATE VIEW views."hostile "".' /" AS SELECT 1 AS "a ""b""";
CREATE TABLE views.log (what text, at timestamptz DEFAULT '2024-01-01') DISTRIBUTED RANDOMLY;
CREATE RULE into_log AS ON INSERT TO views.v1 DO INSTEAD INSERT INTO views.log (what) VALUES ('v1: ' || NEW.id);
INSERT INTO views.v1 VALUES (1, 1);
CREATE TABLE views.ruled (id int, t text) DISTRIBUTED BY (id);
INSERT INTO views.ruled SELECT i, 'before the rule' FROM generate_series(1, 100) i;
-- This rule drops all rows of a restore that uses INSERT instead of COPY.
CREATE RULE swallows AS ON INSERT TO views.ruled DO INSTEAD NOTHING;
CREATE TABLE views.watched (id int, t text) DISTRIBUTED BY (id);
INSERT INTO views.watched SELECT i, 'as it came' FROM generate_series(1, 100) i;
CREATE FUNCTION views.changes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.t := ''changed''; RETURN NEW; END';
CREATE TRIGGER changes BEFORE INSERT ON views.watched FOR EACH ROW EXECUTE PROCEDURE views.changes();
CREATE MATERIALIZED VIEW views.z_first AS SELECT low, count(*) AS n FROM rules.indexed GROUP BY low DISTRIBUTED BY (low);
CREATE MATERIALIZED VIEW views.a_second AS SELECT sum(n) AS total FROM views.z_first DISTRIBUTED RANDOMLY; -- its name sorts before what it needs
CREATE INDEX z_first_low ON views.z_first (low);
CREATE MATERIALIZED VIEW views.unpopulated AS SELECT * FROM rules.keyed WITH NO DATA DISTRIBUTED BY (id);
`;

/** Definitions only: the servers and files that they name do not exist. */
const externalSql = () => `
CREATE SCHEMA outside;
CREATE READABLE EXTERNAL WEB TABLE outside.executes (id int, t text) EXECUTE 'echo $GP_SEGMENT_ID\\|it''s "one"' ON ALL FORMAT 'TEXT' (DELIMITER '|' NULL 'none' ESCAPE 'OFF') ENCODING 'UTF8';
CREATE READABLE EXTERNAL WEB TABLE outside.executes_once (t text) EXECUTE 'date +%Y' ON MASTER FORMAT 'CSV' (HEADER QUOTE '"' FORCE NOT NULL t);
CREATE WRITABLE EXTERNAL WEB TABLE outside.swallows (id int, t text) EXECUTE 'cat > /dev/null' FORMAT 'TEXT' DISTRIBUTED BY (id);
CREATE READABLE EXTERNAL TABLE outside.from_gpfdist (id int, t text) LOCATION ('gpfdist://203.0.113.1:8080/a b/*.txt', 'gpfdist://203.0.113.2:8080/*.gz') FORMAT 'CSV' (DELIMITER E'\\t') LOG ERRORS SEGMENT REJECT LIMIT 10 PERCENT;
CREATE WRITABLE EXTERNAL TABLE outside.to_gpfdist (id int, t text) LOCATION ('gpfdist://203.0.113.1:8080/out.txt') FORMAT 'TEXT' DISTRIBUTED BY (id);
CREATE READABLE EXTERNAL TABLE outside.from_file (id int, "a ""b"" c" text) LOCATION ('file://localhost/nonexistent/stowage.txt') FORMAT 'CSV' ENCODING 'LATIN1';
CREATE READABLE EXTERNAL WEB TABLE outside.from_http (t text) LOCATION ('http://203.0.113.1/x.csv') FORMAT 'CSV';
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER "far away" FOREIGN DATA WRAPPER nothing OPTIONS (host '203.0.113.1', dbname 'a b''c');
CREATE USER MAPPING FOR PUBLIC SERVER "far away" OPTIONS (user 'nobody');
CREATE FOREIGN TABLE outside.far (a int OPTIONS (column_name 'A'), b text) SERVER "far away" OPTIONS (table_name 'x');
`;

/**
 * Not on 7: its pre-release cannot create them ("query plan with multiple segworker groups is not
 * supported").
 */
const extensionsSql = () => `
CREATE SCHEMA contrib;
CREATE EXTENSION hstore SCHEMA contrib;
CREATE EXTENSION citext SCHEMA contrib;
CREATE TABLE contrib.uses (id int, h contrib.hstore, c contrib.citext) DISTRIBUTED BY (id);
INSERT INTO contrib.uses VALUES (1, '"a b"=>"c\\"d", e=>NULL', 'CaSe'), (2, '', 'x');
CREATE INDEX uses_h ON contrib.uses USING gin (h);
`;
