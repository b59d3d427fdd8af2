import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, stowage } from '../support/cli.ts';
import { configFor, DATABASE } from '../support/e2e/cluster.ts';
import { databaseContents } from '../support/e2e/compare.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { clientOf, createBucket, envOf } from '../support/stores/store-server.ts';
import type { Running } from './running.ts';

/** 20 MB per shard, so that a pack is an upload in parts. */
const SHOP = `
CREATE TABLE orders (id int PRIMARY KEY, words text);
INSERT INTO orders SELECT i, md5(i::text) || md5((-i)::text) FROM generate_series(1, 250000) i;
CREATE TABLE customer (id int PRIMARY KEY, name text);
INSERT INTO customer SELECT i, 'customer ' || i FROM generate_series(1, 1000) i;
CREATE VIEW big AS SELECT * FROM orders WHERE id > 249000;
SELECT lo_from_bytea(0, 'a large object');
`;

/** The command line with sets in this server. Each test is a step, and needs those before it. */
export function roundTrip({ server, found }: Running): void {
  describe('a backup and its restores', () => {
    let servers: TestServer[];
    let folder: string;
    let [config, timestamp] = ['', ''];
    const run = (args: string[], on = config) =>
      stowage(args, { config: on, env: envOf(server().keys) });
    const contents = () => Promise.all(servers.map((one) => databaseContents(one, 'none')));
    const onAll = (sql: string, database = DATABASE) =>
      Promise.all(servers.map((one) => one.psql(sql, database)));
    const configAt = (root: string) => {
      const storage = { endpoint: server().endpoint };
      return configFor({ folder, storage }, servers, root, { functions: 'inline' });
    };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'stowage-stores-'));
      servers = await startCluster(2, { databases: [DATABASE] });
      await onAll(SHOP);
      const client = clientOf(server().endpoint, server().keys);
      await createBucket(client, 'sets');
      await createBucket(client, 'sets-with-versions');
      client.destroy();
      config = await configAt('s3://sets/shop');
    });
    afterAll(async () => {
      await stopAll(servers);
      await rm(folder, { recursive: true, force: true });
    });

    test('is complete, and validate and verify agree', async () => {
      const backup = await run(['backup']);
      expect(failureOf(backup)).toBeUndefined();
      ({ timestamp } = backup.json);
      for (const command of ['validate', 'verify']) {
        const checked = await run([command, timestamp]);
        expect(failureOf(checked)).toBeUndefined();
        expect(checked.json).toMatchObject({ status: 'complete', problems: [] });
      }
    });

    test('brings one dropped table back', async () => {
      const before = await contents();
      await onAll('DROP TABLE orders CASCADE');
      const restore = await run(['restore', timestamp, '--include-table', 'public.orders']);
      expect(failureOf(restore)).toBeUndefined();
      expect(await contents()).toEqual(before);
    });

    test('brings the database back, equal to the source', async () => {
      const before = await contents();
      await onAll(`DROP DATABASE ${DATABASE}`, 'postgres');
      const restore = await run(['restore', timestamp, '--create']);
      expect(failureOf(restore)).toBeUndefined();
      expect(await contents()).toEqual(before);
    });

    test('is deleted whole, as the only complete set with --force only, and its folder is not listed as a set', async () => {
      const refused = await run(['delete', timestamp, '--yes']);
      expect(refused.json.error.code).toBe('set/last');
      const deleted = await run(['delete', timestamp, '--yes', '--force']);
      expect(failureOf(deleted)).toBeUndefined();
      expect((await run(['list'])).json.sets).toEqual([]);
    });

    test('doctor says whether the store keeps its promises', async () => {
      found.doctor = await doctor(config);
      const client = clientOf(server().endpoint, server().keys);
      const status = { VersioningConfiguration: { Status: 'Enabled' as const } };
      const hasVersions = await client
        .send(new PutBucketVersioningCommand({ Bucket: 'sets-with-versions', ...status }))
        .then(
          () => true,
          () => false,
        );
      client.destroy();
      found.doctorWithVersions = hasVersions
        ? await doctor(await configAt('s3://sets-with-versions/shop'))
        : 'no versions';
    });

    /** The failed checks of the storage. */
    async function doctor(on: string): Promise<string[]> {
      const { checks } = (await run(['doctor'], on)).json as unknown as {
        checks: { of: string; name: string; ok: boolean; detail: string }[];
      };
      const storage = checks.filter(({ of }) => of === 'storage');
      expect(storage.length).toBeGreaterThan(7);
      return storage.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
    }
  });
}
