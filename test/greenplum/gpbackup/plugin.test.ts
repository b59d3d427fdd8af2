import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { setPrefix } from '../../../backup-set/base/keys.ts';
import { failureOf, stowage } from '../../support/cli.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { GPBACKUP_PLUGIN } from '../../support/programs/programs.ts';
import { clustersUnderTest, withoutGreenplum } from '../support/cluster.ts';
import {
  configFor,
  databaseOn,
  freshDatabase,
  freshName,
  type TestDatabase,
} from '../support/database.ts';

/**
 * A program that runs its arguments as the user of Greenplum, in the environment of gpbackup and
 * gprestore (docs/testing.md). Without it this suite is skipped.
 */
const RUN = process.env['STOWAGE_TEST_GPBACKUP'] ?? '';
const clusters = withoutGreenplum ? [] : await clustersUnderTest();
const TABLES = ['hashed', 'spread', 'parted', 'copied', '"Odd ""T"""'];
const SCRIPT = `
CREATE TABLE hashed (id int, v text) DISTRIBUTED BY (id);
INSERT INTO hashed SELECT g, CASE g % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE E'a,"b"\\nc' || g END FROM generate_series(1, 5000) g;
CREATE TABLE spread (id int) WITH (appendonly=true) DISTRIBUTED RANDOMLY;
INSERT INTO spread SELECT generate_series(1, 1000);
CREATE TABLE parted (id int, day date) DISTRIBUTED BY (id) PARTITION BY RANGE (day) (START (date '2024-01-01') END (date '2024-03-01') EVERY (interval '1 month'));
INSERT INTO parted SELECT g, date '2024-01-01' + g % 60 FROM generate_series(1, 500) g;
CREATE TABLE copied (id int) DISTRIBUTED REPLICATED;
INSERT INTO copied SELECT generate_series(1, 10);
CREATE TABLE "Odd ""T""" ("Col A" int) DISTRIBUTED BY ("Col A");`;

describe.skipIf(withoutGreenplum || RUN === '')(
  'a backup that gpbackup makes through the plugin',
  () => {
    let place: Place;
    let [root, plugin, config, timestamp] = ['', '', '', ''];
    let source: TestDatabase;
    const made: TestDatabase[] = [];
    const [first] = clusters.filter(({ major, segments }) => major === 6 && segments.length > 1);

    beforeAll(async () => {
      if (first === undefined) throw new Error('no Greenplum 6 with several segments');
      place = await directoryPlace();
      root = place.newRoot();
      source = await freshDatabase(first, [SCRIPT]);
      made.push(source);
      config = await configFor(place, source, root);
      // gpbackup runs as another user.
      await mkdir(fileURLToPath(root));
      await chmod(fileURLToPath(root), 0o777);
      await chmod(place.folder, 0o755);
      if (GPBACKUP_PLUGIN.endsWith('/stowage-gpbackup-plugin'))
        await chmod(dirname(GPBACKUP_PLUGIN), 0o755);
      plugin = join(place.folder, `${freshName()}.yaml`);
      const options = { root, cluster: 'greenplum-e2e', node: process.execPath };
      await writeFile(plugin, stringify({ executablepath: GPBACKUP_PLUGIN, options }));
      const printed = await run('gpbackup', '--dbname', source.name, '--plugin-config', plugin);
      timestamp = /Backup Timestamp = (\d{14})/.exec(printed)?.[1] ?? '';
    });

    afterAll(async () => {
      for (const database of made) await database.drop();
      await place?.stop();
    });

    const run = async (...args: string[]) =>
      (await promisify(execFile)(RUN, args, { timeout: 300_000 })).stdout;

    /** Rows of all tables, in an order of their own. */
    const rowsOf = async (database: TestDatabase) =>
      Promise.all(
        TABLES.map((table) =>
          database.psql(
            `SELECT count(*), md5(string_agg(t::text, ';' ORDER BY t::text)) FROM ${table} t`,
          ),
        ),
      );

    test('is complete, and gprestore restores it', async () => {
      const shown = await stowage(['show', timestamp], { config });
      expect(failureOf(shown)).toBeUndefined();
      expect(shown.json.manifest.source).toMatchObject({ tool: 'gpbackup', timestamp });
      const target = databaseOn(source.cluster, freshName());
      made.push(target);
      const redirected = ['--redirect-db', target.name, '--create-db'];
      await run('gprestore', '--timestamp', timestamp, '--plugin-config', plugin, ...redirected);
      expect(await rowsOf(target)).toEqual(await rowsOf(source));
    });

    const targets = clusters.filter(({ major, segments }) => major === 6 && segments.length > 1);
    test.each(targets)('is restored by Stowage into $segments.length segments', async (cluster) => {
      const target = databaseOn(cluster, freshName());
      made.push(target);
      const own = await configFor(place, target, root);
      const resize = cluster === source.cluster ? [] : ['--resize', '--accept-cluster'];
      const args = ['restore', timestamp, '--create', '--redirect-db', target.name, ...resize];
      const restored = await stowage(args, { config: own });
      expect(restored.code, restored.text).toBe(0);
      expect(await rowsOf(target)).toEqual(await rowsOf(source));
    });

    test('is damaged by name when one of its objects is removed', async () => {
      const store = await place.open(root);
      try {
        const keys: string[] = [];
        for await (const { key } of store.list(`${setPrefix(timestamp)}data/1/`)) keys.push(key);
        const [gone = ''] = keys;
        await store.delete([gone]);
        const validated = await stowage(['validate', timestamp], { config });
        expect(validated.code).toBe(3);
        expect(validated.json.problems).toMatchObject([{ code: 'object-missing', object: gone }]);
      } finally {
        await store.close();
      }
    });
  },
);
