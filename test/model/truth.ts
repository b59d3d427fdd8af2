import { createHash, hash } from 'node:crypto';
import type { Client } from 'pg';
import { to } from 'pg-copy-streams';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../../database/session/quote.ts';
import { settingsScript } from '../../database/session/settings.ts';

/** The rows of one table at one moment: how many, and a digest that ignores their order. */
export interface Truth {
  readonly columns: readonly string[];
  readonly rows: number;
  readonly digest: string;
}

/** schema.table → its rows. */
export type Truths = ReadonlyMap<string, Truth>;

const LANES = 4;
const NEWLINE = 0x0a;

/** Adds up the hashes of rows: equal for equal multisets of rows. */
export function rowSum() {
  const sums = new Uint32Array(LANES);
  let rows = 0;
  let rest: Buffer = Buffer.alloc(0);
  const addRow = (row: Uint8Array) => {
    rows += 1;
    const digest = Buffer.from(hash('sha256', row, 'hex'), 'hex');
    for (let lane = 0; lane < LANES; lane += 1)
      sums[lane] = ((sums[lane] ?? 0) + digest.readUInt32LE(lane * 4)) >>> 0;
  };
  return {
    /** Bytes of COPY text, in pieces of any length. The caller may reuse their memory. */
    add(piece: Uint8Array) {
      const bytes = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]);
      let at = 0;
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, at)) {
        addRow(bytes.subarray(at, end));
        at = end + 1;
      }
      rest = Buffer.from(bytes.subarray(at));
    },
    result: () => ({ rows, digest: `${[...sums].join('.')}${rest.length === 0 ? '' : ' + rest'}` }),
  };
}

const TABLES = `SELECT n.nspname AS schema, c.relname AS name,
    array(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0
          AND NOT attisdropped AND attgenerated = '' ORDER BY attnum) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence IN ('p', 'u') AND n.nspname !~ '^pg_|^information_schema$'
  ORDER BY 1, 2`;

/** What a plain dump reads of every table, in the snapshot that a backup holds. */
export async function truthsOf(
  client: Client,
  snapshotId?: string,
  tablesSql = TABLES,
): Promise<Truths> {
  await client.query(settingsScript(true, 60_000));
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  if (snapshotId !== undefined)
    await client.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshotId)}`);
  const tables = await client.query<{ schema: string; name: string; columns: string[] }>(tablesSql);
  const truths = new Map<string, Truth>();
  for (const { schema, name, columns } of tables.rows) {
    const list = columns.length === 0 ? '' : ` (${columns.map(quoteIdentifier).join(', ')})`;
    const copy = client.query(to(`COPY ${quoteQualified({ schema, name })}${list} TO STDOUT`));
    const sum = rowSum();
    for await (const chunk of copy) sum.add(chunk as Uint8Array);
    truths.set(`${schema}.${name}`, { columns, ...sum.result() });
  }
  await client.query('COMMIT');
  return truths;
}

/** The differences between two states, as lines for a report. */
export function differences(found: Truths, wanted: Truths, what: string): string[] {
  const names = new Set([...found.keys(), ...wanted.keys()]);
  return [...names].flatMap((name) => {
    const [is, should] = [found.get(name), wanted.get(name)].map(textOf);
    return is === should ? [] : [`${what}: ${name} has ${is}, but the snapshot had ${should}`];
  });
}

function textOf(truth: Truth | undefined): string {
  if (truth === undefined) return 'no table';
  const { rows, digest, columns } = truth;
  const short = createHash('sha256').update(digest).digest('hex').slice(0, 12);
  return `${rows} rows ${short} (${columns.join(', ')})`;
}
