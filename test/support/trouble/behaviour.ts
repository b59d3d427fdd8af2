import { since } from './types.ts';

/** Functions, triggers and rules. The triggers fail, or change rows, if a load fires them. */
export const behaviourSql = (content: number) => `
CREATE SCHEMA code;

CREATE FUNCTION code.add(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE LEAKPROOF COST 5 AS 'SELECT $1 + $2';
CREATE FUNCTION code.add(a text, b text) RETURNS text LANGUAGE sql IMMUTABLE AS $body$ SELECT a || '$$' || b -- a comment; with a semicolon
$body$;
CREATE FUNCTION code."Quoted ""name"""(OUT "Out 1" int, INOUT x text, VARIADIC rest int[]) LANGUAGE plpgsql SECURITY DEFINER SET search_path = code, pg_temp SET work_mem = '8MB' AS
$_$ BEGIN "Out 1" := 1; RAISE NOTICE E'%\\n', $1; END $_$;
CREATE FUNCTION code.rows(n int) RETURNS TABLE (i int, t text) LANGUAGE sql STABLE ROWS 10 AS 'SELECT g, g::text FROM generate_series(1, n) g';
CREATE PROCEDURE code.nothing(INOUT x int) LANGUAGE plpgsql AS 'BEGIN x := x + 1; COMMIT; END';
CREATE AGGREGATE code.product(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1', COMBINEFUNC = numeric_mul, PARALLEL = SAFE);
CREATE AGGREGATE code.hypothetical(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
CREATE FUNCTION code.away(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > $2';
CREATE FUNCTION code.away_cmp(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $2 - $1';
CREATE OPERATOR code.<<< (FUNCTION = code.away, LEFTARG = int, RIGHTARG = int, COMMUTATOR = OPERATOR(code.>>>), RESTRICT = scalarltsel);
CREATE OPERATOR FAMILY code.backwards USING btree;
CREATE OPERATOR CLASS code.backwards_ops FOR TYPE int USING btree FAMILY code.backwards AS OPERATOR 1 code.<<<, FUNCTION 1 code.away_cmp(int, int);
CREATE TYPE code.wrapped AS (v int);
CREATE FUNCTION code.wrap(int) RETURNS code.wrapped LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1)::code.wrapped';
CREATE CAST (int AS code.wrapped) WITH FUNCTION code.wrap(int) AS ASSIGNMENT;
${since(140000, 'CREATE FUNCTION code.atomic(a int) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM objects.base WHERE id > a; END')}

-- A table's default calls a function that takes another table's row type.
CREATE TABLE code.first (a int);
CREATE FUNCTION code.of_row(code.first) RETURNS int LANGUAGE sql STABLE AS 'SELECT $1.a';
CREATE TABLE code.second (b int DEFAULT code.of_row(ROW(${content})::code.first), c int GENERATED ALWAYS AS (code.add(5)) STORED);
INSERT INTO code.second DEFAULT VALUES;
CREATE INDEX ON code.second (code.add(b, c));

CREATE TABLE code.watched (id int PRIMARY KEY, t text, changed int NOT NULL DEFAULT 0);
INSERT INTO code.watched SELECT i, 'as it was', 0 FROM generate_series(1, 50 + ${content}) i;
CREATE TABLE code.log (what text);
INSERT INTO code.log VALUES ('before any trigger');
CREATE FUNCTION code.change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changed := NEW.changed + 1; INSERT INTO code.log VALUES (TG_NAME); RETURN NEW; END $$;
CREATE FUNCTION code.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trigger % was fired by a load', TG_NAME; END $$;
CREATE TRIGGER changes BEFORE INSERT OR UPDATE OF t ON code.watched FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION code.change();
CREATE TABLE code.guarded AS SELECT * FROM code.watched;
CREATE TRIGGER refuses BEFORE INSERT ON code.guarded FOR EACH STATEMENT EXECUTE FUNCTION code.refuse();
CREATE TRIGGER "always ""refuses""" AFTER INSERT OR DELETE OR TRUNCATE ON code.guarded FOR EACH STATEMENT EXECUTE FUNCTION code.refuse();
ALTER TABLE code.guarded ENABLE ALWAYS TRIGGER "always ""refuses""";
CREATE TRIGGER sleeps BEFORE UPDATE ON code.guarded FOR EACH ROW EXECUTE FUNCTION code.refuse();
ALTER TABLE code.guarded DISABLE TRIGGER sleeps;
CREATE TRIGGER on_replicas BEFORE DELETE ON code.guarded FOR EACH ROW EXECUTE FUNCTION code.refuse();
ALTER TABLE code.guarded ENABLE REPLICA TRIGGER on_replicas;
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON code.guarded DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION code.refuse();
CREATE TRIGGER sees_tables AFTER UPDATE ON code.guarded REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION code.refuse();
CREATE TRIGGER on_all_parts AFTER UPDATE ON parts.by_list FOR EACH ROW EXECUTE FUNCTION code.refuse();
CREATE VIEW code.writable AS SELECT id, t FROM code.watched;
CREATE TRIGGER instead INSTEAD OF INSERT ON code.writable FOR EACH ROW EXECUTE FUNCTION code.refuse();

CREATE TABLE code.ruled (a int);
INSERT INTO code.ruled SELECT generate_series(1, 5 + ${content});
CREATE RULE swallow AS ON INSERT TO code.ruled DO INSTEAD NOTHING;
CREATE RULE also AS ON UPDATE TO code.ruled DO ALSO INSERT INTO code.log VALUES ('updated');

-- Fires when tables are created: a restore that creates it too early fills the log, or fails.
CREATE FUNCTION code.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO code.log VALUES (TG_TAG); END $$;
CREATE EVENT TRIGGER trouble_on_ddl ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE INDEX') EXECUTE FUNCTION code.on_ddl();
CREATE EVENT TRIGGER trouble_off ON sql_drop EXECUTE FUNCTION code.on_ddl();
ALTER EVENT TRIGGER trouble_off DISABLE;
`;
