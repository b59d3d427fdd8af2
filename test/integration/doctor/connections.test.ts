import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSession, type Session } from '../../../database/session/session.ts';
import { inspectServer } from '../../../database/shards/inspect.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const DATABASE = 'shop';
const WORKERS = 4;
const OF_OTHERS = 10;
const SETTINGS = { max_connections: '20', superuser_reserved_connections: '3' };

let server: TestServer;
const others: Session[] = [];

beforeAll(async () => {
  server = await startPostgres({ databases: [DATABASE], settings: SETTINGS });
  await server.psql('CREATE ROLE other LOGIN; CREATE ROLE plain LOGIN');
  for (let index = 0; index < OF_OTHERS; index += 1)
    others.push(
      await openSession(
        { ...server.target(DATABASE), user: 'other' },
        { purpose: 'probe', applicationName: 'another program' },
      ),
    );
});
afterAll(async () => {
  for (const session of others) await session.close();
  await server?.stop();
});

async function connections(user: string, workers = WORKERS) {
  const target = { ...server.target(DATABASE), user };
  const checks = await inspectServer(target, {
    workers,
    clock: () => new Date(),
    signal: new AbortController().signal,
  });
  return checks.find(({ name }) => name === 'connections');
}

test('connections of another role count, whether the role may see what they do or not', async () => {
  const { user } = server.target();
  for (const role of [user, 'plain'])
    expect(await connections(role)).toEqual({
      name: 'connections',
      ok: true,
      detail: '7 of 17 are free; a backup needs 7',
    });
  expect(await connections('plain', WORKERS + 1)).toMatchObject({
    ok: false,
    detail: expect.stringContaining('7 of 17 are free; a backup needs 8'),
  });
});

test('the limits of role and database fail the check, with the statement that raises them', async () => {
  await server.psql('ALTER ROLE plain CONNECTION LIMIT 6');
  await server.psql(`ALTER DATABASE ${DATABASE} CONNECTION LIMIT 14`);
  const { ok, detail = '' } = (await connections('plain')) ?? {};
  expect(ok).toBe(false);
  expect(detail).toContain('role "plain" may open 6 more (CONNECTION LIMIT 6)');
  expect(detail).toContain('database "shop" may open 4 more (CONNECTION LIMIT 14)');
  const statements = [...detail.matchAll(/ALTER \w+ "\w+" CONNECTION LIMIT \d+/g)].flat();
  expect(statements).toHaveLength(2);
  for (const sql of statements) await server.psql(sql);
  expect(await connections('plain')).toMatchObject({ ok: true });
});
