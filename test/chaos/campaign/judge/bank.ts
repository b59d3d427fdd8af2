import { BALANCE_AT_FIRST } from '../../../../cli/demo/data/schema.ts';
import { BANK, moneyIn } from '../../../support/e2e/bank.ts';
import type { TestServer } from '../../../support/servers/postgres.ts';

const legs = (sign: '' | '-') =>
  `SELECT coalesce(md5(string_agg(format('%s %s', account, ${sign}amount), ',' ORDER BY account, ${sign}amount)), 'none') FROM ${BANK}.transfer`;

/** Each balance is its start plus the amounts of its transfers. */
const DIFFERENT_STARTS = `SELECT count(DISTINCT balance - coalesce(moved, 0)) FROM ${BANK}.account
  LEFT JOIN (SELECT account AS id, sum(amount) AS moved FROM ${BANK}.transfer GROUP BY 1) t USING (id)`;

/**
 * What shows that the copies of two shards are not one moment of the cluster; undefined when they
 * are. Each transfer has one leg on each shard.
 */
export async function tornBank(
  [first, second]: readonly TestServer[],
  database: string,
): Promise<string | undefined> {
  if (first === undefined || second === undefined) throw new Error('two servers are needed');
  const ask = (sql: string) =>
    Promise.all([first, second].map((server) => server.psql(sql, database)));
  const money = await ask(`SELECT sum(balance) FROM ${BANK}.account`);
  const total = money.map(Number).reduce((sum, balances) => sum + balances, 0);
  if (total !== moneyIn(2)) return `the balances sum up to ${total}, not to ${moneyIn(2)}`;
  if ((await first.psql(legs(''), database)) !== (await second.psql(legs('-'), database)))
    return 'a transfer has a leg on one shard only';
  const starts = await ask(DIFFERENT_STARTS);
  return starts.every((count) => count === '1')
    ? undefined
    : 'a balance differs from its start and its transfers';
}

export async function transfersIn(server: TestServer, database: string): Promise<number> {
  return Number(await server.psql(`SELECT count(*) FROM ${BANK}.transfer`, database));
}

/** All balances and transfers as before the first run. */
export async function resetBank(servers: readonly TestServer[], database: string): Promise<void> {
  const sql = `TRUNCATE ${BANK}.transfer; UPDATE ${BANK}.account SET balance = ${BALANCE_AT_FIRST}, changed = NULL`;
  await Promise.all(servers.map((server) => server.psql(sql, database)));
}
