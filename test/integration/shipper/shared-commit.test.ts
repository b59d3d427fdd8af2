import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';
import { bigOrder, load, waitForReads } from './big-relation.ts';

/**
 * While a synchronous standby is configured that does not exist, a COMMIT is durable but not
 * visible, and ends only when that setting is removed.
 */
let server: TestServer;

beforeAll(async () => {
  server = await startPostgres({
    settings: { wal_level: 'replica', max_wal_senders: '2', synchronous_commit: 'on' },
  });
});
beforeEach(() =>
  server.psql('DROP TABLE IF EXISTS refers, big; CREATE TABLE big (i bigint PRIMARY KEY, t text)'),
);
afterAll(() => server?.stop());

async function awaitStandby(name: string): Promise<void> {
  await server.psql(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await server.psql('SELECT pg_reload_conf()');
}

const waitForSession = (state: string) =>
  waitFor(`a session with ${state}`, async () => {
    const found = await server.psql(`SELECT count(*) FROM pg_stat_activity WHERE ${state}`);
    return found === '1' ? true : undefined;
  });

/**
 * A proxy to the server. `cut` closes the client's side of the connection that commits, without the
 * server noticing. It drops cancel requests.
 */
async function relay() {
  let commits: Socket | undefined;
  const serverSockets = new Set<Socket>();
  const listening = createServer((client) => {
    client.on('error', () => undefined);
    client.once('data', (first) => {
      if (first.length === 16 && first.readInt32BE(4) === 80877102) return client.destroy();
      const onward = connect(server.port, server.host).on('error', () => undefined);
      serverSockets.add(onward);
      onward.write(first);
      client.on('data', (data) => {
        if (data.includes('COMMIT\0')) commits = client;
        onward.write(data);
      });
      client.on('close', () => client !== commits && onward.destroy());
      onward.on('data', (data) => client.write(data));
      onward.on('close', () => client.destroy());
      return undefined;
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as { port: number };
  onTestFinished(() => {
    for (const socket of serverSockets) socket.destroy();
    listening.close();
  });
  return {
    through: { ...server, target: () => ({ ...server.target(), port }) },
    cut: () => commits?.destroy(),
  };
}

describe('a COMMIT whose result is unknown', () => {
  it.each([
    ['by TRUNCATE', ''],
    [
      'by DELETE, because another table refers to it',
      'CREATE TABLE refers (i bigint REFERENCES big)',
    ],
  ])('has ended before the table is emptied %s', async (_, sql) => {
    await server.psql(sql);
    const { order, store } = await bigOrder('big');
    const { through, cut } = await relay();
    await awaitStandby('missing');
    const loading = load(through, order, waitForReads(store, 4));
    await waitForSession("query = 'COMMIT' AND wait_event = 'SyncRep'");
    cut();
    try {
      await waitForSession("query LIKE 'TRUNCATE%' AND wait_event_type = 'Lock'");
    } finally {
      await awaitStandby('');
    }
    const { loaded, problems } = await loading;
    expect(loaded).toEqual([]);
    expect(problems).toMatchObject([{ relation: { name: 'big' } }]);
    expect(problems[0]?.message).not.toContain('could not be emptied');
    expect(await server.psql('SELECT count(*) FROM big')).toBe('0');
  });
});
