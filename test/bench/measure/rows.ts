/** Columns of a table whose rows are computed from the row number, the same in every run. */
export interface Shape {
  readonly name: 'lineitem' | 'narrow' | 'wide';
  /** Approximate bytes of COPY text per row. */
  readonly rowBytes: number;
  readonly columns: string;
  /** A SELECT list over the row number `i`. */
  readonly values: string;
}

export const SHAPES = {
  /** Like the table of this name in TPC-H. */
  lineitem: {
    name: 'lineitem',
    rowBytes: 144,
    columns:
      'orderkey bigint NOT NULL, partkey int NOT NULL, suppkey int NOT NULL, linenumber int NOT NULL, quantity numeric(15,2) NOT NULL, extendedprice numeric(15,2) NOT NULL, discount numeric(15,2) NOT NULL, tax numeric(15,2) NOT NULL, returnflag char(1) NOT NULL, linestatus char(1) NOT NULL, shipdate date NOT NULL, commitdate date NOT NULL, receiptdate date NOT NULL, shipinstruct char(25) NOT NULL, shipmode char(10) NOT NULL, comment varchar(44) NOT NULL',
    values: `i / 4, i * 7919 % 200000, i * 104729 % 10000, i % 7 + 1, i % 50 + 1, (i * 7919 % 10000000) / 100.0, (i % 11) / 100.0, (i % 9) / 100.0,
  substr('ARN', (i % 3 + 1)::int, 1), substr('FO', (i % 2 + 1)::int, 1), date '1992-01-01' + (i % 2500)::int, date '1992-02-01' + (i % 2400)::int, date '1992-01-15' + (i % 2500)::int,
  (ARRAY['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'])[i % 4 + 1], (ARRAY['AIR', 'MAIL', 'SHIP', 'TRUCK', 'RAIL', 'FOB', 'REG AIR'])[i % 7 + 1], substr(md5(i::text), 1, (10 + i % 22)::int)`,
  },
  narrow: {
    name: 'narrow',
    rowBytes: 20,
    columns: 'id bigint NOT NULL, amount int NOT NULL, kind char(1) NOT NULL',
    values: `100000000 + i, (i * 7919 % 10000000)::int, substr('ABCDEFGH', (i % 8 + 1)::int, 1)`,
  },
  wide: {
    name: 'wide',
    rowBytes: 2057,
    columns: 'id bigint NOT NULL, body text NOT NULL',
    // Stored uncompressed in the heap, so that TOAST is not measured. Half of the text repeats.
    values: `100000000 + i, (SELECT string_agg(md5((i * 32 + j)::text) || repeat(chr((97 + j)::int), 32), '') FROM generate_series(0, 31) j)`,
  },
} as const satisfies Record<string, Shape>;

/** SQL that creates an empty table. */
export function createTable(table: string, shape: Shape): string {
  const plain = shape.name === 'wide' ? `; ALTER TABLE ${table} ALTER body SET STORAGE PLAIN` : '';
  return `CREATE TABLE ${table} (${shape.columns})${plain}`;
}

/**
 * SQL that inserts a share of `bytes` of COPY text, so that several connections can fill a table.
 */
export function fillTable(
  table: string,
  shape: Shape,
  bytes: number,
  [share, shares]: readonly [number, number] = [0, 1],
): string {
  const rows = Math.ceil(bytes / shape.rowBytes);
  const [first, last] = [share, share + 1].map((at) => Math.floor((rows * at) / shares));
  return `INSERT INTO ${table} SELECT ${shape.values} FROM generate_series(${(first ?? 0) + 1}::bigint, ${last}::bigint) i`;
}

/** Tables per script. A script is one transaction, and the lock table is limited. */
const TABLES_PER_SCRIPT = 100;

/** Scripts that create `count` tables of ten rows with a primary key. */
export function smallTables(count: number, segment: number): string[] {
  const scripts: string[] = [];
  for (let first = 0; first < count; first += TABLES_PER_SCRIPT) {
    const numbers = Array.from(
      { length: Math.min(TABLES_PER_SCRIPT, count - first) },
      (_, at) => first + at,
    );
    scripts.push(
      numbers
        .map(
          (number) => `CREATE TABLE t${number} (id int PRIMARY KEY, t varchar(40));
INSERT INTO t${number} SELECT i, 'row ' || i || ' of ${number} on ${segment}' FROM generate_series(1, 10) i;`,
        )
        .join('\n'),
    );
  }
  return scripts;
}
