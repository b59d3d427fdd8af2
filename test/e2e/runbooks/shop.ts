/**
 * A small shop: a schema whose objects need another schema, and are needed by a third. Its shards
 * fit into one database: the same customers, other keys of orders.
 */
export function shopSql(content: number): string {
  const first = 10_000 * content;
  return `
CREATE ROLE clerk; CREATE ROLE report;
CREATE SCHEMA kit; CREATE SCHEMA sales AUTHORIZATION clerk; CREATE SCHEMA office;
CREATE TYPE kit.mood AS ENUM ('ok', 'bad');
CREATE DOMAIN kit.positive AS int CHECK (VALUE > 0);
CREATE FUNCTION kit.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TABLE kit.customer (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO kit.customer SELECT i, 'customer ' || i FROM generate_series(1, 20) i;
CREATE TABLE sales.orders (id serial PRIMARY KEY, customer int NOT NULL REFERENCES kit.customer,
  mood kit.mood DEFAULT 'ok', amount kit.positive, shard text, placed date DEFAULT '2026-11-24');
INSERT INTO sales.orders (id, customer, amount, shard) SELECT ${first} + i, i % 20 + 1, i + ${content}, 'of ${content}' FROM generate_series(1, ${400 + content}) i;
SELECT setval('sales.orders_id_seq', ${first + 400 + content});
CREATE INDEX orders_by_customer ON sales.orders (customer);
CREATE TRIGGER touched BEFORE UPDATE ON sales.orders FOR EACH ROW EXECUTE FUNCTION kit.touch();
COMMENT ON TABLE sales.orders IS 'one row per order';
ALTER TABLE sales.orders OWNER TO clerk;
CREATE TABLE sales.item (id int GENERATED ALWAYS AS IDENTITY, "order" int NOT NULL REFERENCES sales.orders);
INSERT INTO sales.item ("order") SELECT ${first} + i % 400 + 1 FROM generate_series(1, 900) i;
CREATE VIEW sales.large AS SELECT * FROM sales.orders WHERE amount > 200;
CREATE MATERIALIZED VIEW office.totals AS SELECT customer, sum(amount) FROM sales.orders GROUP BY 1;
CREATE UNIQUE INDEX totals_customer ON office.totals (customer);
CREATE TABLE office.invoice (id int PRIMARY KEY, "order" int REFERENCES sales.orders);
INSERT INTO office.invoice SELECT ${first} + i, ${first} + i FROM generate_series(1, 100) i;
CREATE VIEW office.per_mood AS SELECT mood, count(*) FROM sales.orders GROUP BY 1;
CREATE TABLE office.log (at int, v text) PARTITION BY RANGE (at);
CREATE TABLE office.early PARTITION OF office.log FOR VALUES FROM (0) TO (100);
CREATE TABLE office.late PARTITION OF office.log FOR VALUES FROM (100) TO (200);
INSERT INTO office.log SELECT i, 'v' || i FROM generate_series(0, 199) i;
GRANT USAGE ON SCHEMA sales, office TO report;
GRANT SELECT ON sales.orders, sales.large, office.per_mood TO report;
SELECT lo_from_bytea(${4200 + content}, 'of ${content}');
`;
}
