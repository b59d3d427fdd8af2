import { ACCOUNTS_PER_SHARD, BALANCE_AT_FIRST } from '../../../cli/demo/data/schema.ts';
import type { TestServer } from '../servers/postgres.ts';

/** The schema in which the demo's writers transfer money. */
export const BANK = 'world';

/** Makes the tables that the demo's writers need, with the accounts of one shard. */
export const bankSql = (content: number) => `
CREATE SCHEMA ${BANK};
CREATE TABLE ${BANK}.account (id int PRIMARY KEY, owner text NOT NULL, balance numeric(15,2) NOT NULL, changed timestamptz);
CREATE TABLE ${BANK}.transfer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account int NOT NULL REFERENCES ${BANK}.account,
  amount numeric(15,2) NOT NULL, peer_content int NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
INSERT INTO ${BANK}.account SELECT i, 'account ' || i || ' of ${content}', ${BALANCE_AT_FIRST} FROM generate_series(1, ${ACCOUNTS_PER_SHARD}) i;
`;

export const moneyIn = (shards: number) => shards * ACCOUNTS_PER_SHARD * BALANCE_AT_FIRST;

/**
 * The sum of all balances, and the sum and number of all rows of `transfer`. A transfer has two
 * rows, whose amounts cancel out: a `transferred` other than 0 means that one of them is missing.
 */
export async function bankTotals(servers: readonly TestServer[], database: string) {
  const sums = { money: 0, legs: 0, transferred: 0 };
  for (const server of servers) {
    const line = await server.psql(
      `SELECT (SELECT sum(balance) FROM ${BANK}.account), count(*), coalesce(sum(amount), 0) FROM ${BANK}.transfer`,
      database,
    );
    const [money = Number.NaN, legs = Number.NaN, transferred = Number.NaN] = line
      .split('|')
      .map(Number);
    sums.money += money;
    sums.legs += legs;
    sums.transferred += transferred;
  }
  return sums;
}
