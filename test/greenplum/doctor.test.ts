import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stowage } from '../support/cli.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import {
  clustersUnderTest,
  type GreenplumCluster,
  psql,
  targetOf,
  withoutGreenplum,
} from './support/cluster.ts';
import {
  configFor,
  databaseOn,
  freshDatabase,
  freshName,
  type TestDatabase,
} from './support/database.ts';
import {
  type ThrowawayCluster,
  throwawayCluster,
  withoutThrowaways,
} from './support/doctor-cluster.ts';

interface Check {
  readonly of: string;
  readonly name: string;
  readonly ok: boolean;
  readonly remark?: boolean;
  readonly detail: string;
}

/** Debian's PostgreSQL programs, which must not be taken for Greenplum's. */
const POSTGRES_BIN = '/usr/lib/postgresql/15/bin';

const SOME_TABLES = `
CREATE TABLE plain (a int, b text) DISTRIBUTED BY (a);
CREATE TABLE parts (a int, b int) DISTRIBUTED BY (a) PARTITION BY RANGE (b) (START (0) END (2) EVERY (1), DEFAULT PARTITION other);
CREATE EXTERNAL WEB TABLE outside (a int) EXECUTE 'echo 1' FORMAT 'text';
CREATE SEQUENCE counted;
INSERT INTO plain SELECT i, 'x' FROM generate_series(1, 100) i;
INSERT INTO parts SELECT i, i % 4 FROM generate_series(1, 100) i;
`;

async function doctor(config: string) {
  const { code, json } = await stowage(['doctor'], { config });
  const { checks } = json as unknown as { checks: readonly Check[] };
  const find = (of: string, name: string) =>
    checks.find((check) => check.of === of && check.name === name);
  const bad = checks.filter(({ ok }) => !ok).map(({ of, name }) => `${of}: ${name}`);
  return { code, checks, find, bad };
}

let place: Place;
beforeAll(async () => {
  place = await directoryPlace();
});
afterAll(() => place.stop());

describe.skipIf(withoutGreenplum)('doctor on a Greenplum cluster', () => {
  const role = freshName();
  let cluster: GreenplumCluster;
  let database: TestDatabase;
  let config: string;

  beforeAll(async () => {
    [cluster] = await clustersUnderTest();
    await psql(targetOf(cluster), `CREATE ROLE ${role} LOGIN`);
    database = await freshDatabase(cluster, [SOME_TABLES]);
    config = await configFor(place, database, place.newRoot());
  });
  afterAll(async () => {
    await database?.drop();
    if (cluster !== undefined) await psql(targetOf(cluster), `DROP ROLE ${role}`);
  });

  test('reports no problem on a healthy cluster, and checks every instance', async () => {
    const { code, bad, checks, find } = await doctor(config);
    expect({ code, bad }).toEqual({ code: 0, bad: [] });
    const segments = cluster.segments.map(({ content }) => `content ${content}`);
    expect([...new Set(checks.map(({ of }) => of))]).toEqual([
      'storage',
      'cluster',
      'programs',
      'content -1',
      ...segments,
      'functions',
    ]);
    const shippers = checks.filter(({ name }) => name === 'shippers');
    expect(shippers.map(({ detail }) => detail)).toEqual([
      expect.stringMatching(/^content -1: stowage .*, Node v.*, pg_dump .*, pg_restore /),
      expect.stringMatching(/^contents? 0.*: stowage .*, Node v[\d.]+$/),
    ]);
    for (const of of ['content -1', ...segments]) {
      for (const name of [
        'utility session',
        'shipper',
        'encryption',
        'rights',
        'lock table',
        'connections',
        'clock',
      ])
        expect(find(of, name), `${of} ${name}`).toBeDefined();
    }
    expect(find('cluster', 'server')?.detail).toContain(`Greenplum ${cluster.major}.`);
    expect(find('cluster', 'mirrors')).toMatchObject({ ok: true, remark: true });
  });

  test('prints its checks as a table without --json', async () => {
    const { code, text } = await stowage(['doctor'], { config, plain: true });
    expect(code).toBe(0);
    expect(text).toMatch(/^ok +programs +pg_dump /m);
    expect(text).toMatch(/^note +cluster +global deadlock detector /m);
    expect(text).toMatch(/all \d+ checks passed/);
  });

  test('names a coordinator that is listed as a shard, and so do a backup and a restore', async () => {
    const { host, port } = cluster;
    const root = place.newRoot();
    const ofCluster = await configFor(place, database, root);
    const { timestamp } = (await stowage(['backup'], { config: ofCluster })).json;
    const shards = await configFor(place, database, root, {
      flavour: 'shards',
      coordinator: undefined,
      segments: [{ content: 0, host, port }],
    });
    const advice = `${host}:${port} is Greenplum ${cluster.major}`;
    const { code, find } = await doctor(shards);
    expect(code).toBe(4);
    expect(find('content 0', 'server')?.detail).toContain(advice);
    const backup = await stowage(['backup'], { config: shards });
    expect(backup.code).toBe(2);
    expect(backup.json.error).toMatchObject({
      code: 'config/invalid',
      message: expect.stringContaining('set flavour: greenplum and coordinator: {'),
      where: { content: 0, field: 'flavour' },
    });
    const restore = await stowage(['restore', timestamp, '--truncate'], { config: shards });
    expect(restore.json.error).toEqual(backup.json.error);
  });

  test('a backup counts its segments without the coordinator', async () => {
    const backup = await stowage(['backup'], { config, plain: true });
    expect(backup.code).toBe(0);
    expect(backup.text).toContain(`snapshot of ${cluster.segments.length} segments and `);
  });

  test('reports BAD for PostgreSQL’s programs in place of Greenplum’s', async () => {
    const wrong = await configFor(place, database, place.newRoot(), {
      connection: { user: cluster.user, binDir: POSTGRES_BIN },
    });
    const { code, bad, find } = await doctor(wrong);
    expect({ code, bad }).toEqual({
      code: 4,
      bad: ['programs: pg_dump', 'programs: pg_dumpall', 'programs: pg_restore', 'programs: psql'],
    });
    expect(find('programs', 'pg_dump')?.detail).toMatch(/PostgreSQL's 15\..*distribution keys/);
    const backup = await stowage(['backup'], { config: wrong });
    expect(backup.json.error).toMatchObject({
      code: 'database/tool',
      message: expect.stringMatching(/pg_dump cannot dump this Greenplum: .*distribution keys/),
    });
    // Before the snapshot: no plan is stored.
    expect(backup.stderrEvents.map(({ event }) => event)).not.toContain('snapshot');
  });

  test('names every right that an ordinary role lacks, and the role can back up once it has them', async () => {
    const ordinary = await configFor(place, database, place.newRoot(), {
      connection: { user: role, binDir: cluster.binDir },
    });
    const before = await doctor(ordinary);
    const everywhere = [
      'content -1',
      ...cluster.segments.map(({ content }) => `content ${content}`),
    ];
    expect(before).toMatchObject({ code: 4, bad: everywhere.map((of) => `${of}: rights`) });
    const missing = before.find('content -1', 'rights')?.detail;
    for (const words of [
      'it cannot read 1 sequence',
      'it cannot read ',
      '(needs USAGE on the schema and SELECT on each)',
      'in SHARE (needs UPDATE, DELETE or TRUNCATE on each)',
      'pg_authid',
      'one of these tables is public.',
    ])
      expect(missing).toContain(words);
    expect(before.find('content -1', 'server programs')).toMatchObject({ ok: true, remark: true });

    await database.psql(grantsFor(role, await leavesOf(database)));
    const { find, ...judged } = await doctor(ordinary);
    expect(judged).toMatchObject({ code: 0, bad: [] });
    const detail = expect.stringContaining('is not a superuser');
    for (const name of ['unchanged append-optimized tables', 'unchanged files'])
      expect(find('content 1', name)).toMatchObject({ ok: true, remark: true, detail });
    const { code, json } = await stowage(['backup'], { config: ordinary });
    expect({ code, status: json.status, rows: json.rows }).toEqual({
      code: 0,
      status: 'complete',
      rows: 200,
    });
  });

  test('checks pg_hba.conf for shippers on other hosts, and says that only a superuser can read it', async () => {
    const elsewhere = { shippers: { command: ['ssh', '{host}', 'stowage-segment-shipper'] } };
    const byRoot = await doctor(await configFor(place, database, place.newRoot(), elsewhere));
    expect(byRoot.find('content 0', 'shipper')?.detail).toMatch(
      /line \d+ of pg_hba.conf .*from 127\.0\.0\.1/,
    );
    expect(byRoot.find('programs', 'dump and restore programs')).toMatchObject({
      ok: true,
      remark: true,
    });
    const byOrdinary = await doctor(
      await configFor(place, database, place.newRoot(), {
        ...elsewhere,
        connection: { user: role, binDir: cluster.binDir },
      }),
    );
    expect(byOrdinary.find('content 0', 'shipper')).toMatchObject({
      ok: true,
      remark: true,
      detail: expect.stringContaining('only a superuser'),
    });
  });

  test('reports a missing database, and still checks the cluster', async () => {
    const absent = await configFor(place, databaseOn(cluster, freshName()), place.newRoot());
    const { code, bad, find } = await doctor(absent);
    expect({ code, bad }).toEqual({ code: 4, bad: ['cluster: database'] });
    expect(find('content 0', 'utility session')).toMatchObject({ ok: true });
    expect(find('content 0', 'rights')).toBeUndefined();
  });
});

describe.skipIf(withoutGreenplum || withoutThrowaways)(
  'doctor on a broken Greenplum cluster',
  () => {
    let cluster: ThrowawayCluster | undefined;
    const config = () => {
      if (cluster === undefined) throw new Error('the throw-away cluster was not created');
      return configFor(place, databaseOn(cluster, 'gpadmin'), place.newRoot());
    };

    beforeAll(async () => {
      const [source] = await clustersUnderTest();
      cluster = await throwawayCluster(source);
    });
    afterAll(() => cluster?.destroy());

    test('prints the line that is missing in pg_hba.conf of a segment', async () => {
      await cluster?.prependHba(1, 'host gpadmin gpadmin 127.0.0.0/8 reject');
      await expect
        .poll(async () => (await doctor(await config())).bad, { timeout: 30_000 })
        .toEqual(['content 1: utility session']);
      const { code, find } = await doctor(await config());
      expect(code).toBe(4);
      const detail = find('content 1', 'utility session')?.detail;
      expect(detail).toContain(`127.0.0.1:${cluster?.segments[1]?.port}`);
      expect(detail).toContain('"host gpadmin gpadmin 127.0.0.1/32 trust"');
    });

    test('names a stopped segment, and still checks the coordinator', async () => {
      await cluster?.stopSegment(0);
      const { code, bad, find } = await doctor(await config());
      expect(code).toBe(4);
      expect(bad).toEqual(
        expect.arrayContaining(['cluster: dispatch', 'content 0: utility session']),
      );
      expect(find('content 0', 'utility session')?.detail).toContain(
        `127.0.0.1:${cluster?.segments[0]?.port}`,
      );
      expect(find('content -1', 'utility session')).toMatchObject({ ok: true });
      expect(find('content -1', 'lock table')).toMatchObject({ ok: true });
    });
  },
);

function leavesOf(database: TestDatabase): Promise<string> {
  return database.psql(
    `SELECT string_agg(oid::regclass::text, ', ') FROM pg_class WHERE relname LIKE 'parts\\_1\\_%' AND relkind = 'r'`,
  );
}

/**
 * As in docs/operations.md, “Before the first backup”. The leaves are named because Greenplum 7
 * does not pass the rights of a root on to its leaves on the segments.
 */
function grantsFor(role: string, leaves: string): string {
  return `
    GRANT SELECT, TRUNCATE ON plain, parts, ${leaves} TO ${role};
    GRANT SELECT ON outside, counted TO ${role};
    GRANT SELECT ON pg_catalog.pg_authid TO ${role};`;
}
