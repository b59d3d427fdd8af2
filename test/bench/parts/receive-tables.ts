import type { TestServer } from '../../support/servers/postgres.ts';

/** Tables of different row widths. */
export const RECEIVE_TABLES = {
  lineitem: {
    rowBytes: 121,
    columns: `n AS l_orderkey, n % 200000 AS l_partkey, n % 10000 AS l_suppkey, n % 7 AS l_linenumber,
      (n % 50)::numeric(15,2) AS l_quantity, (n % 100000 + 0.25)::numeric(15,2) AS l_extendedprice, 0.05::numeric(15,2) AS l_discount,
      0.02::numeric(15,2) AS l_tax, 'N'::char(1) AS l_returnflag, 'O'::char(1) AS l_linestatus, date '1995-01-01' + n % 2500 AS l_shipdate,
      date '1995-02-01' + n % 2500 AS l_commitdate, date '1995-01-15' + n % 2500 AS l_receiptdate, 'DELIVER IN PERSON'::text AS l_shipinstruct,
      'TRUCK'::text AS l_shipmode, substr('carefully final deposits detect slyly ag', 1, 10 + n % 30) AS l_comment`,
  },
  narrow: { rowBytes: 20, columns: 'n AS id, n % 1000 AS a, (n * 7919::bigint) % 1000003 AS b' },
  wide: { rowBytes: 2011, columns: 'n AS id, repeat(md5(n::text), 62) AS t' },
} as const;

export type ReceiveTable = keyof typeof RECEIVE_TABLES;

/**
 * Creates and fills tables with about `bytes` bytes of COPY text each. VACUUM sets the hint bits,
 * so that no run writes them.
 */
export async function makeReceiveTables(
  server: TestServer,
  bytes: number,
  names = Object.keys(RECEIVE_TABLES) as ReceiveTable[],
): Promise<void> {
  for (const name of names) {
    const { rowBytes, columns } = RECEIVE_TABLES[name];
    await server.psql(
      `CREATE UNLOGGED TABLE ${name} AS SELECT ${columns} FROM generate_series(1, 1) AS n WITH NO DATA`,
    );
    if (name === 'wide') await server.psql('ALTER TABLE wide ALTER t SET STORAGE PLAIN');
    await server.psql(
      `INSERT INTO ${name} SELECT ${columns} FROM generate_series(1, ${Math.ceil(bytes / rowBytes)}) AS n`,
    );
    await server.psql(`VACUUM ${name}`);
  }
}
