SET client_min_messages = error;
-- One object of every kind that an archive of pg_dump can have, with names that need quoting.
CREATE ROLE "every kind" NOLOGIN;
CREATE SCHEMA "my schema";
CREATE SCHEMA other;
COMMENT ON SCHEMA other IS 'one';
GRANT USAGE ON SCHEMA other TO "every kind";
CREATE EXTENSION pg_trgm SCHEMA other;
CREATE EXTENSION file_fdw;

CREATE TYPE other."Mood" AS ENUM ('sad', 'ok');
CREATE TYPE "my schema"."Mood" AS (a int, "b c" text);
COMMENT ON TYPE "my schema"."Mood" IS 'two';
COMMENT ON COLUMN "my schema"."Mood"."b c" IS 'three';
CREATE TYPE other.span AS RANGE (subtype = float8);
GRANT USAGE ON TYPE other."Mood" TO "every kind";
CREATE DOMAIN other."posi tive" AS int DEFAULT 1 CONSTRAINT "is positive" CHECK (VALUE > 0);
ALTER DOMAIN other."posi tive" ADD CONSTRAINT later CHECK (VALUE < 1000) NOT VALID;
COMMENT ON CONSTRAINT "is positive" ON DOMAIN other."posi tive" IS 'four';
CREATE COLLATION other.german FROM "C";
CREATE CONVERSION other.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TYPE other.shelled;
CREATE FUNCTION other.shelled_in(cstring) RETURNS other.shelled LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION other.shelled_out(other.shelled) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE other.shelled (INPUT = other.shelled_in, OUTPUT = other.shelled_out, LIKE = int4);

CREATE FUNCTION other.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION other.f(int, VARIADIC text[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION other.f(a "my schema"."Mood", OUT b int, OUT c other."Mood") LANGUAGE sql AS $$SELECT 1, 'ok'::other."Mood"$$;
CREATE FUNCTION "my schema"."f (x)"("select" timestamptz, numeric(3, 1), "char") RETURNS TABLE (i int) LANGUAGE sql AS 'SELECT 1';
COMMENT ON FUNCTION "my schema"."f (x)"(timestamptz, numeric, "char") IS 'five';
REVOKE ALL ON FUNCTION other.f() FROM PUBLIC;
CREATE PROCEDURE other.p(INOUT a int) LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE other.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE AGGREGATE other.always(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
COMMENT ON AGGREGATE other.always(*) IS 'six';
CREATE FUNCTION other.trigger_function() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION other.event_function() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION other.same(other."Mood", int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION other.same(other."Mood", text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR other.=== (LEFTARG = other."Mood", RIGHTARG = int, FUNCTION = other.same);
CREATE OPERATOR other.=== (LEFTARG = other."Mood", RIGHTARG = text, FUNCTION = other.same);
COMMENT ON OPERATOR other.=== (other."Mood", text) IS 'seven';
CREATE OPERATOR FAMILY other."a family" USING btree;
CREATE OPERATOR CLASS other."a class" FOR TYPE int USING btree FAMILY other."a family" AS OPERATOR 1 <, OPERATOR 2 <=,
  OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
CREATE OPERATOR CLASS other."a class" FOR TYPE int USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(int);
COMMENT ON OPERATOR CLASS other."a class" USING hash IS 'eight';
CREATE FUNCTION other.mood(int) RETURNS other."Mood" LANGUAGE sql IMMUTABLE AS $$SELECT 'ok'::other."Mood"$$;
CREATE CAST (int AS other."Mood") WITH FUNCTION other.mood(int);
COMMENT ON CAST (int AS other."Mood") IS 'nine';
CREATE FUNCTION other.to_sql(internal) RETURNS bigint LANGUAGE internal IMMUTABLE AS 'int8in';
CREATE ACCESS METHOD "my heap" TYPE TABLE HANDLER heap_tableam_handler;
CREATE TEXT SEARCH DICTIONARY other.words (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION other.config (COPY = english);
CREATE TEXT SEARCH TEMPLATE other.template (LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH PARSER other.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);

CREATE TABLE other.parent (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  n numeric(12, 2) DEFAULT 3.14 CONSTRAINT "n, (n)" CHECK (n > 0) NOT NULL,
  "default" text DEFAULT 'a,(b' || E'\'c' COLLATE other.german,
  twice numeric GENERATED ALWAYS AS (n * 2) STORED,
  mood other."Mood" DEFAULT 'ok',
  s serial,
  list int[] DEFAULT ARRAY[1, 2]::int[],
  span int4range,
  UNIQUE (n, s),
  EXCLUDE USING gist (span WITH &&)
);
COMMENT ON COLUMN other.parent."default" IS 'ten';
COMMENT ON CONSTRAINT "n, (n)" ON other.parent IS 'eleven';
GRANT SELECT ON other.parent TO "every kind";
GRANT UPDATE (n) ON other.parent TO "every kind";
CREATE TABLE "my schema".parent (id int REFERENCES other.parent, "a "" b" int NOT NULL DEFAULT 1);
ALTER TABLE "my schema".parent ADD CONSTRAINT slow CHECK (id < 10) NOT VALID;
COMMENT ON TABLE "my schema".parent IS 'twelve';
COMMENT ON COLUMN "my schema".parent."a "" b" IS 'thirteen';
CREATE INDEX "an index" ON "my schema".parent (("a "" b" + 1)) WHERE id > 3;
COMMENT ON INDEX "my schema"."an index" IS 'fourteen';
CREATE TABLE other.child () INHERITS (other.parent);
ALTER TABLE other.child ALTER mood SET DEFAULT NULL;
CREATE TABLE other.typed OF "my schema"."Mood" (a WITH OPTIONS DEFAULT 5 NOT NULL);
CREATE STATISTICS other."some statistics" ON n, s FROM other.parent;
COMMENT ON STATISTICS other."some statistics" IS 'fifteen';
CREATE TRIGGER "a trigger" BEFORE INSERT ON "my schema".parent FOR EACH ROW EXECUTE FUNCTION other.trigger_function();
COMMENT ON TRIGGER "a trigger" ON "my schema".parent IS 'sixteen';
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON other.parent DEFERRABLE FOR EACH ROW EXECUTE FUNCTION other.trigger_function();
CREATE RULE "a rule" AS ON DELETE TO "my schema".parent DO INSTEAD NOTHING;
COMMENT ON RULE "a rule" ON "my schema".parent IS 'seventeen';
ALTER TABLE "my schema".parent ENABLE ROW LEVEL SECURITY;
CREATE POLICY "a policy" ON "my schema".parent USING (id > 0);
COMMENT ON POLICY "a policy" ON "my schema".parent IS 'eighteen';
CREATE SEQUENCE "my schema".alone AS smallint;
CREATE SEQUENCE other.owned OWNED BY other.parent.n;
GRANT USAGE ON SEQUENCE other.owned TO "every kind";

CREATE TABLE other.list (i int NOT NULL, t text DEFAULT 'x', PRIMARY KEY (i)) PARTITION BY LIST (i);
CREATE INDEX ON other.list (t);
CREATE TABLE other.list_1 PARTITION OF other.list FOR VALUES IN (1);
CREATE TABLE other.list_2 (t text, i int NOT NULL, CONSTRAINT own CHECK (t <> ''));
ALTER TABLE other.list ATTACH PARTITION other.list_2 FOR VALUES IN (2);
ALTER TABLE other.list_1 ALTER t DROP DEFAULT;
CREATE TABLE other.list_n PARTITION OF other.list DEFAULT PARTITION BY RANGE (i);
CREATE TABLE other.list_n1 PARTITION OF other.list_n FOR VALUES FROM (10) TO (20);
CREATE TRIGGER each_row BEFORE UPDATE ON other.list FOR EACH ROW EXECUTE FUNCTION other.trigger_function();
ALTER TABLE other.list_1 DISABLE TRIGGER each_row;
CREATE TABLE other.refers (i int REFERENCES other.list);
CREATE UNLOGGED TABLE other.unlogged (i int PRIMARY KEY);

CREATE VIEW "my schema"."a view" AS SELECT 1 AS one;
ALTER VIEW "my schema"."a view" ALTER one SET DEFAULT 7;
CREATE VIEW other.keyed AS SELECT id, n FROM other.parent GROUP BY id;
COMMENT ON VIEW other.keyed IS 'nineteen';
CREATE MATERIALIZED VIEW other.stored AS SELECT id FROM other.parent;
CREATE UNIQUE INDEX ON other.stored (id);
COMMENT ON MATERIALIZED VIEW other.stored IS 'twenty';
CREATE SERVER "a server" FOREIGN DATA WRAPPER file_fdw;
GRANT USAGE ON FOREIGN SERVER "a server" TO "every kind";
CREATE USER MAPPING FOR "every kind" SERVER "a server";
CREATE USER MAPPING FOR PUBLIC SERVER "a server";
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE FOREIGN TABLE other.far (i int NOT NULL DEFAULT 2, t text OPTIONS (force_not_null 'true')) SERVER "a server" OPTIONS (filename '/dev/null');
CREATE EVENT TRIGGER "an event" ON ddl_command_end EXECUTE FUNCTION other.event_function();
ALTER EVENT TRIGGER "an event" DISABLE;
COMMENT ON EVENT TRIGGER "an event" IS 'twenty-one';
SET client_min_messages = error;
CREATE PUBLICATION "some" FOR TABLE other.parent, "my schema".parent, TABLES IN SCHEMA "my schema";
CREATE PUBLICATION "all" FOR ALL TABLES;
CREATE SUBSCRIPTION sub CONNECTION 'dbname=none' PUBLICATION none WITH (connect = false, enabled = false, slot_name = NONE);
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "every kind";
ALTER DEFAULT PRIVILEGES IN SCHEMA other GRANT SELECT ON TABLES TO "every kind";
ALTER DEFAULT PRIVILEGES FOR ROLE "every kind" GRANT EXECUTE ON FUNCTIONS TO postgres;
REVOKE ALL ON FUNCTION pg_catalog.pg_ls_waldir() FROM pg_monitor;
GRANT ALL ON LANGUAGE plpgsql TO "every kind";
COMMENT ON EXTENSION pg_trgm IS 'twenty-two';
COMMENT ON LANGUAGE plpgsql IS 'twenty-three';
SELECT lo_create(4711), lo_create(4712);
COMMENT ON LARGE OBJECT 4711 IS 'twenty-four';
