import { expect, test } from 'vitest';
import { madeNames } from './made-names.ts';
import { renamedStatement } from './rewrite.ts';
import { sqlStatements } from './statements.ts';

const entry = (kind: string, schema: string, name: string, id = 0, dependsOn: number[] = []) => ({
  id,
  kind,
  schema,
  name,
  dependsOn,
});

const SALES = [
  entry('SCHEMA', '', 'sales'),
  entry('TABLE', 'sales', 'sales'),
  entry('TABLE', 'sales', 'orders'),
  entry('SEQUENCE', 'sales', 'orders_id_seq'),
  entry('TYPE', 'sales', 'Mood'),
  entry('FUNCTION', 'sales', 'f(integer)'),
  entry('FUNCTION', 'sales', '"a (f)"(sales."Mood")'),
  entry('OPERATOR', 'sales', '==='),
  entry('TEXT SEARCH CONFIGURATION', 'sales', 'cfg'),
  entry('TABLE', 'sales', 'a"b.c'),
  entry('TABLE', 'sales', 'größe'),
];

function inSchema(sql: string, to = 'new', entries = SALES): string {
  const names = madeNames({ from: 'sales', schema: to }, entries);
  return [...sqlStatements(sql)].map((one) => renamedStatement(one, names)).join('; ');
}
test.each([
  ['CREATE SCHEMA sales', 'CREATE SCHEMA "new"'],
  ['ALTER SCHEMA sales OWNER TO sales', 'ALTER SCHEMA "new" OWNER TO sales'],
  ['GRANT USAGE ON SCHEMA sales TO sales', 'GRANT USAGE ON SCHEMA "new" TO sales'],
  [
    'ALTER DEFAULT PRIVILEGES FOR ROLE sales IN SCHEMA sales GRANT SELECT ON TABLES TO sales',
    'ALTER DEFAULT PRIVILEGES FOR ROLE sales IN SCHEMA "new" GRANT SELECT ON TABLES TO sales',
  ],
  [
    'CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA sales',
    'CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA sales',
  ],
  [
    `CREATE TABLE sales.orders (sales integer DEFAULT nextval('sales.orders_id_seq'::regclass), m sales."Mood"[], h sales.hstore)`,
    `CREATE TABLE "new".orders (sales integer DEFAULT nextval('"new".orders_id_seq'::regclass), m "new"."Mood"[], h sales.hstore)`,
  ],
  [
    `CREATE TABLE sales."a""b.c" (t text DEFAULT 'sales.orders'::text, CONSTRAINT sales CHECK ((sales.f(1) > 0)))`,
    `CREATE TABLE "new"."a""b.c" (t text DEFAULT 'sales.orders'::text, CONSTRAINT sales CHECK (("new".f(1) > 0)))`,
  ],
  [
    `CREATE TABLE sales."größe" (i integer GENERATED ALWAYS AS (sales.f(sales)) STORED)`,
    `CREATE TABLE "new"."größe" (i integer GENERATED ALWAYS AS ("new".f(sales)) STORED)`,
  ],
  [
    'ALTER SEQUENCE sales.orders_id_seq OWNED BY sales.orders.sales',
    'ALTER SEQUENCE "new".orders_id_seq OWNED BY "new".orders.sales',
  ],
  [
    `COMMENT ON TABLE sales.orders IS 'sales.orders -- it''s'`,
    `COMMENT ON TABLE "new".orders IS 'sales.orders -- it''s'`,
  ],
  [
    'ALTER TABLE ONLY sales.orders ADD CONSTRAINT fk FOREIGN KEY (sales) REFERENCES sales.sales(id)',
    'ALTER TABLE ONLY "new".orders ADD CONSTRAINT fk FOREIGN KEY (sales) REFERENCES "new".sales(id)',
  ],
  [
    'ALTER TABLE ONLY sales.orders ADD CONSTRAINT fk FOREIGN KEY (x) REFERENCES sales.elsewhere(id)',
    'ALTER TABLE ONLY "new".orders ADD CONSTRAINT fk FOREIGN KEY (x) REFERENCES sales.elsewhere(id)',
  ],
  [
    'CREATE OPERATOR sales.=== (FUNCTION = sales.f, COMMUTATOR = OPERATOR(sales.===))',
    'CREATE OPERATOR "new".=== (FUNCTION = "new".f, COMMUTATOR = OPERATOR("new".===))',
  ],
  [
    `CREATE INDEX i ON sales.orders USING gin (to_tsvector('sales.cfg'::regconfig, t)) WHERE (x OPERATOR(sales.===) y)`,
    `CREATE INDEX i ON "new".orders USING gin (to_tsvector('"new".cfg'::regconfig, t)) WHERE (x OPERATOR("new".===) y)`,
  ],
  [
    `CREATE FUNCTION sales.f(a sales."Mood") RETURNS SETOF sales.orders LANGUAGE sql SET search_path TO 'sales', 'public' AS $_$ SELECT * FROM sales.orders; -- sales.f($1) $_$`,
    `CREATE FUNCTION "new".f(a "new"."Mood") RETURNS SETOF "new".orders LANGUAGE sql SET search_path TO 'new', 'public' AS $_$ SELECT * FROM sales.orders; -- sales.f($1) $_$`,
  ],
  [
    `CREATE FUNCTION sales.f(integer) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN (sales.id > 1) THEN sales.orders ELSE 0 END FROM sales.sales; SELECT count(*) FROM sales.orders; END; CREATE SCHEMA x`,
    `CREATE FUNCTION "new".f(integer) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN (sales.id > 1) THEN sales.orders ELSE 0 END FROM "new".sales; SELECT count(*) FROM "new".orders; END; CREATE SCHEMA x`,
  ],
  [
    `CREATE VIEW sales.v AS SELECT sales.id, sales.orders, o."Mood" FROM (sales.sales JOIN sales.orders o ON ((sales.orders = o.id))), sales.orders orders_1 WHERE (EXTRACT(day FROM sales.orders) IS DISTINCT FROM sales.f(sales.orders))`,
    `CREATE VIEW sales.v AS SELECT sales.id, sales.orders, o."Mood" FROM ("new".sales JOIN "new".orders o ON ((sales.orders = o.id))), "new".orders orders_1 WHERE (EXTRACT(day FROM sales.orders) IS DISTINCT FROM "new".f(sales.orders))`,
  ],
  [
    'CREATE VIEW x.v AS SELECT (a.x)::sales."Mood" AS sales, b.y FROM sales.orders a, LATERAL sales.f(a.sales) b(y)',
    'CREATE VIEW x.v AS SELECT (a.x)::"new"."Mood" AS sales, b.y FROM "new".orders a, LATERAL "new".f(a.sales) b(y)',
  ],
  [
    'CREATE RULE r AS ON INSERT TO sales.orders WHERE (new.sales > 1) DO INSTEAD (DELETE FROM sales.sales WHERE (sales.orders = 1); UPDATE sales.orders SET x = old.x)',
    'CREATE RULE r AS ON INSERT TO "new".orders WHERE (new.sales > 1) DO INSTEAD (DELETE FROM "new".sales WHERE (sales.orders = 1); UPDATE "new".orders SET x = old.x)',
  ],
  [
    'CREATE POLICY p ON sales.sales USING ((EXISTS ( SELECT 1 FROM sales.orders o WHERE (o.id = sales.orders))))',
    'CREATE POLICY p ON "new".sales USING ((EXISTS ( SELECT 1 FROM "new".orders o WHERE (o.id = sales.orders))))',
  ],
  [
    `CREATE TRIGGER t BEFORE UPDATE ON sales.orders FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION sales.f('sales.orders')`,
    `CREATE TRIGGER t BEFORE UPDATE ON "new".orders FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION "new".f('sales.orders')`,
  ],
  [
    `ALTER TABLE ONLY sales.orders ATTACH PARTITION sales.sales FOR VALUES FROM ('sales.orders') TO (MAXVALUE)`,
    `ALTER TABLE ONLY "new".orders ATTACH PARTITION "new".sales FOR VALUES FROM ('sales.orders') TO (MAXVALUE)`,
  ],
])('in schema mode, %s', (sql, expected) => {
  expect(inSchema(sql)).toBe(expected);
  expect(inSchema(sql, 'sales')).toBe(sql);
});

const ORDERS = [
  entry('TABLE', 'sales', 'orders', 1),
  entry('SEQUENCE', 'sales', 'orders_id_seq', 2, [1]),
  entry('CONSTRAINT', 'sales', 'orders orders_pkey', 3, [1]),
  entry('INDEX', 'sales', 'by day', 4, [1]),
  entry('STATISTICS', 'sales', 'orders_stats', 5, [1]),
  entry('TABLE', 'sales', 'orders_2025', 6),
  entry('TABLE ATTACH', 'sales', 'orders_2025', 7, [1, 6]),
];

function asTable(sql: string, table = { schema: 'sales', name: 'orders_0300' }): string {
  const names = madeNames({ from: { schema: 'sales', name: 'orders' }, table }, ORDERS);
  return [...sqlStatements(sql)].map((one) => renamedStatement(one, names)).join('; ');
}

test.each([
  [
    `CREATE TABLE sales.orders (id integer DEFAULT nextval('sales.orders_id_seq'::regclass), orders sales.mood, CONSTRAINT orders_pkey CHECK (sales.orders(orders) AND sales.f(orders.*)))`,
    `CREATE TABLE sales."orders_0300" (id integer DEFAULT nextval('sales."orders_0300_id_seq"'::regclass), orders sales.mood, CONSTRAINT orders_pkey CHECK (sales.orders(orders) AND sales.f("orders_0300".*)))`,
  ],
  [
    'ALTER TABLE ONLY sales.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id)',
    'ALTER TABLE ONLY sales."orders_0300" ADD CONSTRAINT "orders_0300_pkey" PRIMARY KEY (id)',
  ],
  [
    'ALTER TABLE ONLY sales.orders ADD CONSTRAINT orders_pkey FOREIGN KEY (p) REFERENCES sales.orders(id) NOT VALID',
    'ALTER TABLE ONLY sales."orders_0300" ADD CONSTRAINT orders_pkey FOREIGN KEY (p) REFERENCES sales."orders_0300"(id) NOT VALID',
  ],
  [
    'CREATE UNIQUE INDEX "by day" ON ONLY sales.orders USING btree (day); ALTER TABLE sales.orders CLUSTER ON "by day"; ALTER TABLE ONLY sales.orders REPLICA IDENTITY USING INDEX orders_pkey',
    'CREATE UNIQUE INDEX "by day_0300" ON ONLY sales."orders_0300" USING btree (day); ALTER TABLE sales."orders_0300" CLUSTER ON "by day_0300"; ALTER TABLE ONLY sales."orders_0300" REPLICA IDENTITY USING INDEX "orders_0300_pkey"',
  ],
  [
    `COMMENT ON CONSTRAINT orders_pkey ON sales.orders IS 'sales.orders'; COMMENT ON INDEX sales."by day" IS 'x'`,
    `COMMENT ON CONSTRAINT "orders_0300_pkey" ON sales."orders_0300" IS 'sales.orders'; COMMENT ON INDEX sales."by day_0300" IS 'x'`,
  ],
  [
    'ALTER TABLE sales.orders ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME sales.orders_id_seq START WITH 1)',
    'ALTER TABLE sales."orders_0300" ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME sales."orders_0300_id_seq" START WITH 1)',
  ],
  [
    'CREATE STATISTICS sales.orders_stats ON a, b FROM sales.orders; ALTER TABLE ONLY sales.orders ATTACH PARTITION sales.orders_2025 DEFAULT',
    'CREATE STATISTICS sales."orders_0300_stats" ON a, b FROM sales."orders_0300"; ALTER TABLE ONLY sales."orders_0300" ATTACH PARTITION sales."orders_0300_2025" DEFAULT',
  ],
  [
    'CREATE POLICY p ON sales.orders USING ((EXISTS ( SELECT 1 FROM sales.orders orders_1 WHERE (orders_1.id = orders.id))))',
    'CREATE POLICY p ON sales."orders_0300" USING ((EXISTS ( SELECT 1 FROM sales."orders_0300" orders_1 WHERE (orders_1.id = "orders_0300".id))))',
  ],
  [
    'CREATE RULE r AS ON INSERT TO sales.orders DO DELETE FROM sales.orders WHERE (orders.id = new.id)',
    'CREATE RULE r AS ON INSERT TO sales."orders_0300" DO DELETE FROM sales."orders_0300" AS "orders" WHERE (orders.id = new.id)',
  ],
  [
    `CREATE TABLE sales.orders (id integer) PARTITION BY RANGE(id) (PARTITION a START (1) WITH (tablename='orders_1_prt_a', appendonly='true'))`,
    `CREATE TABLE sales."orders_0300" (id integer) PARTITION BY RANGE(id) (PARTITION a START (1) WITH (tablename='orders_0300_1_prt_a', appendonly='true'))`,
  ],
])('in table mode, %s', (sql, expected) => {
  expect(asTable(sql)).toBe(expected);
  expect(asTable(sql, { schema: 'sales', name: 'orders' })).toBe(sql);
});
