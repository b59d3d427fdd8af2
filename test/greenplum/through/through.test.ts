import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Session } from '../../../database/session/session.ts';
import { failureOf, startStowage, stowage } from '../../support/cli.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import {
  clustersUnderTest,
  psql,
  segmentTargetOf,
  sessionOn,
  targetOf,
  withoutGreenplum,
} from '../support/cluster.ts';
import { digestsOf, misplacedRowsOf } from '../support/compare.ts';
import {
  configFor,
  databaseOn,
  freshDatabase,
  freshName,
  type TestDatabase,
} from '../support/database.ts';

const tablesSql = (role: string) => `
CREATE SCHEMA shop;
CREATE TABLE shop.heap (id int, v text) DISTRIBUTED BY (id);
INSERT INTO shop.heap SELECT g, md5(g::text) FROM generate_series(1, 20000) g;
CREATE TABLE shop.columns (id int, v text) WITH (appendonly=true, orientation=column) DISTRIBUTED RANDOMLY;
INSERT INTO shop.columns SELECT g, md5(g::text) FROM generate_series(1, 5000) g;
CREATE TABLE shop.everywhere (id int) DISTRIBUTED REPLICATED;
INSERT INTO shop.everywhere SELECT generate_series(1, 50);
CREATE TABLE shop.parts (id int, at int) DISTRIBUTED BY (id)
  PARTITION BY RANGE (at) (START (0) END (2) EVERY (1), DEFAULT PARTITION other);
INSERT INTO shop.parts SELECT g, g % 4 FROM generate_series(1, 100) g;
CREATE EXTERNAL WEB TABLE shop.outside (a int) EXECUTE 'echo 1' FORMAT 'text';
CREATE SEQUENCE shop.counted START 7;
GRANT USAGE ON SCHEMA shop TO ${role};
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO ${role};
GRANT SELECT ON ALL SEQUENCES IN SCHEMA shop TO ${role};`;

/** Sessions of a role on a segment that the coordinator did not start. */
const utilitySql = (role: string) =>
  `SELECT count(*) FROM pg_stat_activity WHERE usename = '${role}' AND sess_id < 0`;

describe.skipIf(withoutGreenplum)('a role that may read, and no more,', () => {
  const role = freshName();
  let place: Place;
  let source: TestDatabase;
  let application: Session;
  let [config, plain, root, timestamp] = ['', '', '', ''];

  beforeAll(async () => {
    place = await directoryPlace();
    const [cluster] = await clustersUnderTest();
    await psql(targetOf(cluster), `CREATE ROLE ${role} LOGIN`);
    source = await freshDatabase(cluster, [tablesSql(role)]);
    root = place.newRoot();
    const connection = { user: role, binDir: cluster.binDir };
    const backup = { lockTimeoutMs: 300, lockAttempts: 5, frameBytes: 65_536 };
    const through = { ...backup, through: 'coordinator' };
    config = await configFor(place, source, root, { connection, backup: through });
    plain = await configFor(place, source, place.newRoot(), { connection, backup });
    application = await sessionOn(targetOf(cluster, source.name), 'billing');
  });
  afterAll(async () => {
    await application?.close();
    await source?.drop();
    if (source !== undefined) await psql(targetOf(source.cluster), `DROP ROLE ${role}`);
    await place?.stop();
  });

  test('backs up through the coordinator without a session on a segment, and says that the set has no globals', async () => {
    const run = startStowage(['backup'], { config });
    const seen: string[] = [];
    let hasEnded = false;
    void run.ended.then(() => {
      hasEnded = true;
    });
    while (!hasEnded)
      for (const { content } of source.cluster.segments)
        seen.push(
          await psql(segmentTargetOf(source.cluster, content, source.name), utilitySql(role)),
        );
    const backup = await run.ended;
    expect(failureOf(backup)).toBeUndefined();
    expect(new Set(seen)).toEqual(new Set(['0']));
    timestamp = backup.json.timestamp;
    expect(backup.json.contents.map(({ content }) => content)).toEqual([-1]);
    expect(backup.json.leftOut).toContainEqual(expect.objectContaining({ kind: 'globals' }));
    const { manifest } = (await stowage(['show', timestamp], { config })).json;
    expect(manifest.snapshot.mechanism).toBe('coordinator');
    expect(manifest.notShipped).toContainEqual(
      expect.objectContaining({ name: 'outside', reason: 'external' }),
    );
    const copies = manifest.relations.find(({ name }) => name === 'everywhere');
    expect(copies?.totals.rows).toBe(50);
  });

  test('gets a set that is restored into clusters of every size', async () => {
    const rows = await digestsOf(source);
    for (const cluster of await clustersUnderTest()) {
      const target = databaseOn(cluster, freshName());
      try {
        const into = await configFor(place, target, root);
        const args = ['restore', timestamp, '--create', '--redirect-db', target.name];
        const restore = await stowage([...args, '--no-owner', '--no-acl'], { config: into });
        expect(failureOf(restore)).toBeUndefined();
        expect(await digestsOf(target)).toEqual(rows);
        expect(await misplacedRowsOf(target)).toEqual([]);
        expect(await target.psql("SELECT nextval('shop.counted')")).toBe('7');
      } finally {
        await target.drop();
      }
    }
  });

  test('is refused with --globals, because the set has none', async () => {
    const args = ['restore', timestamp, '--create', '--redirect-db', freshName(), '--globals'];
    const refused = await stowage(args, { config });
    expect([refused.code, refused.text]).toEqual([4, expect.stringContaining('has no globals')]);
  });

  test('stores nothing of unchanged tables again', async () => {
    const { json, code } = await stowage(['backup'], { config });
    expect([code, json.status]).toEqual([0, 'complete']);
    expect(json.carriedBytes).toBeGreaterThan(0.95 * json.bytes);
  });

  test('gets an error that names the table and the session when a table stays locked', async () => {
    await application.query('BEGIN; LOCK TABLE shop.heap IN ACCESS EXCLUSIVE MODE');
    const { code, json } = await stowage(['backup'], { config });
    await application.query('ROLLBACK');
    expect([code, json.error.code]).toEqual([6, 'database/locked']);
    expect(json.error.message).toMatch(
      new RegExp(`cannot lock shop\\.heap .*pid ${application.pid}`),
    );
  });

  test('cannot back up in another way, and both the error and doctor name this one', async () => {
    const backup = await stowage(['backup'], { config: plain });
    expect(backup.json.error.code).toBe('database/denied');
    expect(backup.json.error.message).toContain('--through coordinator');
    const checks = async (of: string) =>
      (
        (await stowage(['doctor'], { config: of })).json as unknown as {
          checks: { name: string; ok: boolean; detail: string }[];
        }
      ).checks;
    const advice = (await checks(plain)).find(({ name }) => name === 'through coordinator');
    expect(advice?.detail).toContain('--through coordinator');
    const failed = (await checks(config)).filter(({ ok }) => !ok);
    expect(failed.map(({ name, detail }) => `${name}: ${detail}`)).toEqual([]);
  });
});
