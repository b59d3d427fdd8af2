/**
 * A schema with an object of most kinds, which needs objects of another schema and is needed by
 * objects of a third.
 */
export const CHOSEN_SQL = `
CREATE SCHEMA kit; CREATE SCHEMA "the shop";
CREATE EXTENSION citext SCHEMA kit;
CREATE TYPE kit.mood AS ENUM ('ok', 'bad');
CREATE DOMAIN kit.positive AS int CHECK (VALUE > 0);
CREATE FUNCTION kit.even(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 % 2 = 0';
CREATE FUNCTION kit.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE SEQUENCE kit.numbers;
CREATE TABLE kit.customer (id int PRIMARY KEY, name text);
INSERT INTO kit.customer SELECT i, 'c' || i FROM generate_series(1, 10) i;
SET search_path = "the shop";
CREATE TABLE orders (id int PRIMARY KEY DEFAULT nextval('kit.numbers'), customer int REFERENCES kit.customer,
  mood kit.mood DEFAULT 'ok', amount kit.positive CHECK (kit.even(amount)), note kit.citext, at serial);
CREATE TABLE item (id int GENERATED ALWAYS AS IDENTITY, "order" int REFERENCES orders);
INSERT INTO orders (customer, amount) SELECT i % 10 + 1, 2 * i FROM generate_series(1, 50) i;
INSERT INTO item ("order") SELECT 51 - i FROM generate_series(1, 50) i;
CREATE INDEX by_even ON orders (kit.even(amount));
COMMENT ON INDEX by_even IS 'even first';
CREATE TRIGGER touched BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION kit.touch();
CREATE STATISTICS together ON id, customer FROM orders;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY even ON orders USING (kit.even(amount));
CREATE RULE told AS ON DELETE TO orders DO ALSO NOTIFY gone;
CREATE TABLE log (at int, v text) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (100);
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM (100) TO (200);
CREATE INDEX log_at ON log (at);
CREATE INDEX log_1_own ON log_1 (v);
INSERT INTO log SELECT i, 'v' || i FROM generate_series(0, 199) i;
CREATE VIEW big AS SELECT * FROM orders WHERE amount > 50;
COMMENT ON VIEW big IS 'large ones';
CREATE VIEW named AS SELECT o.id, c.name FROM orders o JOIN kit.customer c ON c.id = o.customer;
CREATE MATERIALIZED VIEW totals AS SELECT customer, sum(amount) FROM orders GROUP BY 1;
CREATE UNIQUE INDEX by_customer ON totals (customer);
CREATE FUNCTION orders_of(int) RETURNS SETOF orders LANGUAGE sql AS 'SELECT * FROM "the shop".orders WHERE customer = $1';
CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int);
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
CREATE TYPE pair AS (a int, b kit.mood);
CREATE COLLATION plain FROM "C";
CREATE TEXT SEARCH CONFIGURATION words (COPY = simple);
CREATE SEQUENCE free START 7; SELECT nextval('free');
GRANT USAGE ON SCHEMA "the shop" TO public; GRANT SELECT ON orders, big TO public; COMMENT ON SCHEMA "the shop" IS 'sales';
ALTER DEFAULT PRIVILEGES IN SCHEMA "the shop" GRANT USAGE ON TYPES TO pg_monitor;
RESET search_path;
CREATE TABLE public.audit ("order" int, CONSTRAINT audited FOREIGN KEY ("order") REFERENCES "the shop".orders);
INSERT INTO public.audit VALUES (1);
CREATE VIEW public.report AS SELECT mood, count(*) FROM "the shop".orders GROUP BY 1;
CREATE MATERIALIZED VIEW public.summary AS SELECT * FROM public.report;
CREATE SEQUENCE public.rental_id_seq;
CREATE TABLE public.rental (id int PRIMARY KEY DEFAULT nextval('public.rental_id_seq'), v text);
INSERT INTO public.rental (v) SELECT 'v' || i FROM generate_series(1, 1000) i;
SELECT lo_create(4711);
`;
