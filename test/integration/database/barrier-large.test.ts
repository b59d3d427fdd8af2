import { afterEach, describe, expect, it } from 'vitest';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import type { Blocked, HeldSnapshot } from '../../../database/flavour.ts';
import { openSession } from '../../../database/session/session.ts';
import { shardsFlavour } from '../../../database/shards/flavour.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let server: TestServer | undefined;
let held: HeldSnapshot | undefined;
afterEach(async () => {
  await held?.release();
  await server?.stop();
});

async function snapshotOf(
  started: TestServer,
  onBlocked?: (blocked: Blocked) => void,
): Promise<HeldSnapshot> {
  const flavour = shardsFlavour({
    segments: [{ content: 0, host: started.host, port: started.port }],
    connect: () => started.target(),
  });
  const options = {
    selection: EVERYTHING,
    lockTimeoutMs: 500,
    attemptsMax: 10,
    ...(onBlocked && { onBlocked }),
  };
  return flavour.takeSnapshot(options);
}

describe('the barrier', () => {
  it('makes the server cancel an autovacuum that alone blocks it, and no other session', async () => {
    // An autovacuum that is as slow as can be, on a table it cannot leave alone.
    server = await startPostgres({
      settings: {
        autovacuum_naptime: '1s',
        autovacuum_vacuum_threshold: '0',
        autovacuum_vacuum_scale_factor: '0',
        autovacuum_vacuum_cost_delay: '100ms',
        autovacuum_vacuum_cost_limit: '1',
      },
    });
    await server.psql(
      'CREATE TABLE public.busy AS SELECT i, repeat($$x$$, 500) AS t FROM generate_series(1, 20000) i; DELETE FROM public.busy WHERE i % 2 = 0',
    );
    // Autovacuum sets its query text before it has the lock.
    const atWork = `SELECT count(*) FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE backend_type = 'autovacuum worker' AND granted
      AND relation = 'public.busy'::regclass AND mode = 'ShareUpdateExclusiveLock'`;
    while ((await server.psql(atWork)) === '0')
      await new Promise((resolve) => setTimeout(resolve, 100));
    const blocked: Blocked[] = [];
    held = await snapshotOf(server, (entry) => blocked.push(entry));
    expect(blocked.length).toBeGreaterThan(0);
    expect(blocked[0]?.blockers).toMatchObject([
      { query: expect.stringContaining('autovacuum') as string },
    ]);
    expect(held.attempts).toBeLessThan(10);
  });

  it('refuses a server whose lock table is too small, names the setting, and locks nothing', async () => {
    server = await startPostgres({
      settings: { max_locks_per_transaction: '10', max_connections: '20' },
    });
    for (let made = 0; made < 1_200; made += 200)
      await server.psql(
        `DO $$ BEGIN FOR i IN ${made + 1}..${made + 200} LOOP EXECUTE 'CREATE TABLE public.t' || i || ' ()'; END LOOP; END $$`,
      );
    const writer = await openSession(server.target(), {
      purpose: 'restore',
      applicationName: 'stowage-test writer',
    });
    try {
      await writer.query('BEGIN; LOCK TABLE public.t7 IN ROW EXCLUSIVE MODE');
      const blocked: Blocked[] = [];
      const refused = snapshotOf(server, (entry) => blocked.push(entry));
      await expect(refused).rejects.toMatchObject({
        code: 'database/lock-table',
        where: { content: 0 },
        message: expect.stringMatching(
          /^the snapshot of 1,200 relations needs 2,400 locks on content 0 .*room for about [\d,]+ \(max_locks_per_transaction = 10\)\. Nothing was locked\. Set max_locks_per_transaction = \d+ /,
        ) as string,
      });
      expect(blocked).toEqual([]);
    } finally {
      await writer.close();
    }
  });

  it('locks two thousand tables', async () => {
    server = await startPostgres();
    // One transaction each hundred: creating holds as many locks as the barrier will.
    await server.psql(
      "SELECT format('CREATE TABLE public.t%s (a int)', i) FROM generate_series(1, 2000) i \\gexec",
    );
    held = await snapshotOf(server);
    process.stdout.write(`2,000 tables: writers waited ${held.writerWaitMs.toFixed(0)} ms\n`);
    expect(held.nodes[0]?.relations).toHaveLength(2000);
    expect(
      await server.psql(
        "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND locktype = 'relation'",
      ),
    ).toBe('0');
    expect(
      await server.psql(
        "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE mode = 'AccessShareLock' AND c.relname ~ '^t[0-9]'",
      ),
    ).toBe('2000');
  });
});
