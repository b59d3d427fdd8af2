import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningCli, startStowage, stowage } from '../support/cli.ts';
import { configFor, DATABASE } from '../support/e2e/cluster.ts';
import { HOLDING_SQL, holdRows, releaseRows } from '../support/e2e/held-rows.ts';
import { leftoversOf, NO_LEFTOVERS, shipperPids } from '../support/e2e/interrupted-run.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { withRepeats } from '../support/repeats/repeats.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { bigTable } from '../support/trouble/trouble.ts';
import { readUntil } from '../support/wait-for.ts';

let place: Place;
let servers: TestServer[];
let [root, config, timestamp] = ['', '', ''];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const [content, server] of servers.entries())
    for (const sql of [...bigTable(5, content), HOLDING_SQL]) await server.psql(sql, DATABASE);
  root = place.newRoot();
  config = await configFor(place, servers, root);
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

/** Starts a restore, and waits until it loads rows of content 1, which are held. */
async function startedRestore(database: string, plain = false): Promise<RunningCli> {
  const args = ['restore', timestamp, '--create', '--no-verify', '--database', database];
  await holdRows(servers);
  const restore = startStowage(args, { config, plain });
  const loading = await readUntil(
    async () =>
      servers[1]?.psql(
        `SELECT count(*) FROM pg_stat_activity WHERE datname = '${database}' AND query LIKE '%COPY %' AND state = 'active'`,
      ),
    (count) => count !== '0',
  );
  expect(loading).not.toBe('0');
  return restore;
}

/**
 * Checks that a failed restore left nothing: a table is loaded whole, in one transaction, or not.
 */
async function loadedNothing(restore: RunningCli, database: string): Promise<void> {
  expect(await leftoversOf(restore, servers)).toEqual(NO_LEFTOVERS);
  await releaseRows(servers);
  expect(await servers[1]?.psql('SELECT count(*) FROM big.lineitem', database)).toBe('0');
  for (const server of servers) await server.psql(`DROP DATABASE IF EXISTS ${database}`);
}

describe('a restore that is interrupted while it loads rows', () => {
  test('fails, names the content and loads no row of its table when a shipper is killed', async () => {
    const restore = await startedRestore('killed');
    process.kill(shipperPids(restore).get(1) ?? Number.NaN, 'SIGKILL');
    // Content 0 ends its order.
    await releaseRows(servers);
    const { code, json } = await restore.ended;
    expect(json).toMatchObject({ status: 'failed', targetChanged: true });
    expect(json.problems).toContainEqual(
      expect.objectContaining({ content: 1, code: 'segment-failed' }),
    );
    expect(code).toBe(3);
    await loadedNothing(restore, 'killed');
  });

  test.each(withRepeats<NodeJS.Signals>(['SIGINT'], ['SIGTERM', 'SIGHUP']))(
    'ends with exit code 130 on %s, and no process continues',
    async (signal) => {
      const restore = await startedRestore('interrupted');
      restore.kill(signal);
      const { code, json } = await restore.ended;
      expect(json.status).toBe('failed');
      expect(code).toBe(130);
      await loadedNothing(restore, 'interrupted');
    },
  );

  test('ends with exit code 130 and an outcome when standard error is closed', async () => {
    const restore = await startedRestore('unread');
    restore.closeOutput('stderr');
    const { code, json } = await restore.ended;
    expect(json).toMatchObject({
      format: 'stowage/outcome',
      status: 'failed',
      problems: expect.arrayContaining([
        expect.objectContaining({ message: expect.stringContaining('EPIPE') }),
      ]) as unknown[],
    });
    expect(code).toBe(130);
    await loadedNothing(restore, 'unread');
  });

  test('has no running shippers after kill -9 of the command line, and a new restore loads all rows', async () => {
    const restore = await startedRestore('orphaned');
    restore.kill('SIGKILL');
    await restore.ended;
    await loadedNothing(restore, 'orphaned');
    const again = await stowage(['restore', timestamp, '--create', '--database', 'orphaned'], {
      config,
    });
    expect(again.json).toMatchObject({ status: 'restored', problems: [] });
    expect(again.code).toBe(0);
    const count = 'SELECT count(*), sum(hashtextextended(t::text, 0)) FROM big.lineitem t';
    for (const server of servers)
      expect(await server.psql(count, 'orphaned')).toBe(await server.psql(count, DATABASE));
  });
});

test('a restore whose shippers cannot start says that the target was not changed', async () => {
  const shippers = { workers: 2, command: ['false'] };
  const broken = await configFor(place, servers, root, { shippers });
  const args = ['restore', timestamp, '--create', '--no-verify', '--database', 'unborn'];
  const { code, text } = await stowage(args, { config: broken, plain: true });
  expect(text).toContain('failed: the target was not changed: no database unborn exists.');
  expect(code).toBe(3);
});

// The last one: it stops a server.
test('a restore that loses a segment prints the loss first, and which database it has created', async () => {
  const restore = await startedRestore('lost', true);
  const cancel =
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%COPY %' AND datname = 'lost'";
  await readUntil(
    async () => servers[0]?.psql(cancel),
    (cancelled) => cancelled !== '',
  );
  await servers[1]?.stop();
  const { code, text } = await restore.ended;
  const lines = text.split('\n').filter((line) => line.startsWith('  '));
  expect(lines[0] ?? text).toMatch(/content 1 .*database\/unreachable\)$/);
  expect(new Set(lines).size).toBe(lines.length);
  expect(text).toContain(
    'failed: the target holds part of the set: database lost was created on content 0; content 1 did not answer, and may hold it too.',
  );
  expect(code).toBe(3);
});
