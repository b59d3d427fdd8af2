import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadDemo } from '../../../cli/demo/data/load.ts';
import { ACCOUNTS_PER_SHARD, BALANCE_AT_FIRST } from '../../../cli/demo/data/schema.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

let servers: TestServer[];
beforeAll(async () => {
  servers = await startCluster(2, { databases: ['demo'] });
});
afterAll(() => stopAll(servers));

const onAll = (sql: string) => Promise.all(servers.map((server) => server.psql(sql, 'demo')));
const sum = (answers: readonly string[]) =>
  answers.reduce((total, answer) => total + Number(answer), 0);

test('the demo distributes the places over the shards, each with all rows that it refers to', async () => {
  const load = (server: TestServer, content: number) =>
    loadDemo(server.target('demo'), { content, shards: 2 });
  await Promise.all(servers.map(load));

  expect(sum(await onAll('SELECT count(*) FROM world.place'))).toBe(135_233);
  expect(sum(await onAll('SELECT places FROM world.total'))).toBe(135_233);
  expect(sum(await onAll('SELECT count(*) FROM world.population'))).toBe(3 * 135_233);
  expect(sum(await onAll('SELECT sum(balance) FROM world.account'))).toBe(
    2 * ACCOUNTS_PER_SHARD * BALANCE_AT_FIRST,
  );
  const tokyo = await onAll(
    `SELECT count(*) FROM world.capital WHERE name = 'Tokyo' AND country = 'Japan'`,
  );
  expect(sum(tokyo)).toBe(1);
  expect(
    sum(
      await onAll(
        'SELECT count(*) FROM world.place p JOIN world.size s USING (class) WHERE p.population <@ s.population',
      ),
    ),
  ).toBe(135_233);
});

test('a failed load of the demo reports the message of psql', async () => {
  const server = servers[0] as TestServer;
  await server.psql('CREATE DATABASE taken');
  await server.psql('CREATE SCHEMA world', 'taken');
  await expect(loadDemo(server.target('taken'), { content: 0, shards: 2 })).rejects.toMatchObject({
    code: 'database/tool',
    message: expect.stringContaining('schema "world" already exists') as string,
  });
});
