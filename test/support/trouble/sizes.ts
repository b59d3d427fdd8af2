/** Very large values and a very wide table. */
export const sizesSql = (content: number) => `
CREATE SCHEMA sizes;
CREATE TABLE sizes.long_values (id int PRIMARY KEY, t text, raw bytea);
INSERT INTO sizes.long_values
  SELECT 1, string_agg(md5('${content}:' || i), E'\\n' ORDER BY i), NULL FROM generate_series(1, 160000) i; -- 5 MB in one value, hard to compress
INSERT INTO sizes.long_values SELECT 2, repeat('easy to compress\t', 100000), decode(repeat('5c', 1000000), 'hex');
INSERT INTO sizes.long_values SELECT 10 + i, repeat(chr(65 + i), 2000 + i), NULL FROM generate_series(1, 10) i;
ALTER TABLE sizes.long_values ALTER t SET STORAGE EXTENDED;

CREATE TABLE sizes.wide (${wideColumns().join(', ')});
INSERT INTO sizes.wide(c1, c2, c3, c1500) SELECT i, 'wide', true, ${content} FROM generate_series(1, 20) i;
INSERT INTO sizes.wide VALUES (${wideColumns()
  .map((_, index) => ['7', "'x'", 'false', 'NULL'][index % 4])
  .join(', ')});
`;

const WIDE_COLUMNS = 1_500;

function wideColumns(): string[] {
  const types = ['smallint', 'text', 'boolean', 'double precision'];
  return Array.from({ length: WIDE_COLUMNS }, (_, index) =>
    index + 1 === WIDE_COLUMNS
      ? `c${index + 1} int`
      : `c${index + 1} ${types[index % types.length]}`,
  );
}

/** Bytes of one row of `bigTable` in COPY text format, measured. */
const BIG_ROW_BYTES = 147;

/** Makes `big.lineitem`, of about `megabytes` (10⁶ bytes) of COPY text, as the benchmark does. */
export function bigTable(megabytes = 300, content = 0): string[] {
  const rows = Math.ceil((megabytes * 1_000_000) / BIG_ROW_BYTES);
  return [
    `CREATE SCHEMA big;
CREATE TABLE big.lineitem (orderkey bigint NOT NULL, partkey int NOT NULL, suppkey int NOT NULL, linenumber int NOT NULL, quantity numeric(15,2) NOT NULL, extendedprice numeric(15,2) NOT NULL, discount numeric(15,2) NOT NULL, tax numeric(15,2) NOT NULL, returnflag char(1) NOT NULL, linestatus char(1) NOT NULL, shipdate date NOT NULL, commitdate date NOT NULL, receiptdate date NOT NULL, shipinstruct char(25) NOT NULL, shipmode char(10) NOT NULL, comment varchar(44) NOT NULL);`,
    `INSERT INTO big.lineitem
SELECT i / 4 + ${content} * 1000000000::bigint, i * 7919::bigint % 200000, i * 104729::bigint % 10000, i % 7 + 1, i % 50 + 1, (i * 7919::bigint % 10000000) / 100.0, (i % 11) / 100.0, (i % 9) / 100.0,
  substr('ARN', i % 3 + 1, 1), substr('FO', i % 2 + 1, 1), date '1992-01-01' + i % 2500, date '1992-02-01' + i % 2400, date '1992-01-15' + i % 2500,
  (ARRAY['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'])[i % 4 + 1], (ARRAY['AIR', 'MAIL', 'SHIP', 'TRUCK', 'RAIL', 'FOB', 'REG AIR'])[i % 7 + 1], substr(md5(i::text), 1, 10 + i % 22)
FROM generate_series(1, ${rows}) i;`,
  ];
}

/** Tables per script. A script is one transaction, and the lock table of a server is limited. */
const TABLES_PER_SCRIPT = 100;

/** Makes `count` tables of 0 to 10 rows each in the schema `small`. */
export function smallTables(count = 1_000, content = 0): string[] {
  const scripts = [`CREATE SCHEMA small;`];
  for (let first = 0; first < count; first += TABLES_PER_SCRIPT) {
    const last = Math.min(first + TABLES_PER_SCRIPT, count);
    scripts.push(
      Array.from({ length: last - first }, (_, index) => smallTable(first + index, content)).join(
        '\n',
      ),
    );
  }
  return scripts;
}

function smallTable(number: number, content: number): string {
  const name = `small.t${String(number).padStart(4, '0')}`;
  const rows = (number + content) % 11;
  // Too short for a TOAST table, which would double the number of files and the time.
  return `CREATE TABLE ${name} (id int PRIMARY KEY, t varchar(40));
INSERT INTO ${name} SELECT i, 'row ' || i || ' of ${number} on ${content}' FROM generate_series(1, ${rows}) i;`;
}
