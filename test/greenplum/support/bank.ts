import type { Session } from '../../../database/session/session.ts';
import { sessionOn, targetOf } from './cluster.ts';
import type { TestDatabase } from './database.ts';

const ACCOUNTS = 1_000;
const BALANCE_AT_FIRST = 1_000;

/** The sum of all balances. Transfers do not change it. */
export const TOTAL_MONEY = ACCOUNTS * BALANCE_AT_FIRST;

/**
 * Accounts on all segments in a heap table, and two ledgers of all transfers: AO rows, AO columns.
 */
export const bankSql = `
CREATE SCHEMA bank;
CREATE TABLE bank.account (id int, balance bigint NOT NULL) DISTRIBUTED BY (id);
INSERT INTO bank.account SELECT i, ${BALANCE_AT_FIRST} FROM generate_series(1, ${ACCOUNTS}) i;
CREATE TABLE bank.ledger_row (account int, amount bigint, at timestamptz DEFAULT clock_timestamp()) WITH (appendonly=true) DISTRIBUTED BY (account);
CREATE TABLE bank.ledger_column (account int, amount bigint) WITH (appendonly=true, orientation=column) DISTRIBUTED BY (account);
`;

/** The totals of a consistent snapshot of the whole cluster. Other totals show a torn snapshot. */
export const UNTORN = {
  money: TOTAL_MONEY,
  rowLedger: 0,
  columnLedger: 0,
  brokenAccounts: 0,
} as const;

/** The totals of a bank. All except `legs` equal `UNTORN`, unless half of a transfer is missing. */
export async function bankTotals(
  database: TestDatabase,
): Promise<Record<keyof typeof UNTORN | 'legs', number>> {
  const line = await database.psql(`
WITH r AS (SELECT account, sum(amount) AS amount FROM bank.ledger_row GROUP BY 1), c AS (SELECT account, sum(amount) AS amount FROM bank.ledger_column GROUP BY 1)
SELECT sum(balance), sum(coalesce(r.amount, 0)), sum(coalesce(c.amount, 0)),
  sum((balance <> ${BALANCE_AT_FIRST} + coalesce(r.amount, 0) OR coalesce(r.amount, 0) <> coalesce(c.amount, 0))::int), (SELECT count(*) FROM bank.ledger_row)
FROM bank.account a LEFT JOIN r ON r.account = a.id LEFT JOIN c ON c.account = a.id`);
  const [money = NaN, rowLedger = NaN, columnLedger = NaN, brokenAccounts = NaN, legs = NaN] = line
    .split('|')
    .map(Number);
  return { money, rowLedger, columnLedger, brokenAccounts, legs };
}

export interface BankWriters {
  /** The number of committed transfers so far. */
  readonly transfers: number;
  /** Ends after the running transfers. @throws the error of a writer, such as a lost session. */
  stop(): Promise<{
    readonly transfers: number;
    readonly longestMs: number;
    readonly medianMs: number;
  }>;
}

/**
 * Moves money between accounts on different segments until stopped. Each transfer is one
 * transaction: two UPDATEs of the heap table and two INSERTs into each ledger. `longestMs` is the
 * longest wait of a writer. It includes waits for other writers: on 6, UPDATEs of one table wait
 * for each other.
 */
export async function startBankWriters(database: TestDatabase, count = 3): Promise<BankWriters> {
  const target = targetOf(database.cluster, database.name);
  const sessions = await Promise.all(
    Array.from({ length: count }, () => sessionOn(target, 'stowage-test writer')),
  );
  const tookMs: number[] = [];
  let stopping = false;
  const accounts = await accountsBySegment(sessions[0]);
  const write = async (session: Session) => {
    while (!stopping) {
      const startedAt = performance.now();
      await transfer(session, pickTwo(accounts));
      tookMs.push(performance.now() - startedAt);
    }
  };
  const running = Promise.allSettled(sessions.map(write));
  return {
    get transfers() {
      return tookMs.length;
    },
    async stop() {
      stopping = true;
      const ended = await running;
      await Promise.all(sessions.map((session) => session.close()));
      const failed = ended.find((writer) => writer.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      const sorted = tookMs.toSorted((a, b) => a - b);
      return {
        transfers: sorted.length,
        longestMs: sorted.at(-1) ?? 0,
        medianMs: sorted[sorted.length >> 1] ?? 0,
      };
    },
  };
}

/** The ids of the accounts of each segment. */
async function accountsBySegment(session: Session | undefined): Promise<number[][]> {
  const rows = await session?.query<{ ids: number[] }>(
    'SELECT array_agg(id) AS ids FROM bank.account GROUP BY gp_segment_id',
  );
  return (rows ?? []).map(({ ids }) => ids);
}

/**
 * Two accounts on different segments, if the cluster has several. The lower id comes first, so that
 * writers do not deadlock.
 */
function pickTwo(accounts: readonly number[][]): readonly [number, number] {
  const from = Math.floor(Math.random() * accounts.length);
  const to =
    (from + 1 + Math.floor(Math.random() * Math.max(accounts.length - 1, 1))) % accounts.length;
  const pick = (segment: number) => {
    const ids = accounts[segment] ?? [];
    return ids[Math.floor(Math.random() * ids.length)] ?? 1;
  };
  const [first, second] = [pick(from), pick(to)];
  if (first === second) return pickTwo(accounts);
  return first < second ? [first, second] : [second, first];
}

async function transfer(
  session: Session,
  [first, second]: readonly [number, number],
): Promise<void> {
  const amount = Math.ceil(Math.random() * 100) * (Math.random() < 0.5 ? -1 : 1);
  await session.query('BEGIN');
  for (const [account, change] of [
    [first, amount],
    [second, -amount],
  ] as const) {
    await session.query('UPDATE bank.account SET balance = balance + $1 WHERE id = $2', [
      change,
      account,
    ]);
    await session.query('INSERT INTO bank.ledger_row (account, amount) VALUES ($1, $2)', [
      account,
      change,
    ]);
    await session.query('INSERT INTO bank.ledger_column (account, amount) VALUES ($1, $2)', [
      account,
      change,
    ]);
  }
  await session.query('COMMIT');
}
