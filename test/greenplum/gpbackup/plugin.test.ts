import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
import {
  GPBACKUP_RUN,
  gpbackup,
  openRoot,
  rowsOf,
  runAsOwner,
  SCRIPT,
} from '../support/gpbackup.ts';

const clusters = withoutGreenplum ? [] : await clustersUnderTest();

describe.skipIf(withoutGreenplum || GPBACKUP_RUN === '')(
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
      root = await openRoot(place);
      source = await freshDatabase(first, [SCRIPT]);
      made.push(source);
      config = await configFor(place, source, root);
      plugin = join(place.folder, `${freshName()}.yaml`);
      const options = { root, cluster: 'greenplum-e2e', node: process.execPath };
      await writeFile(plugin, stringify({ executablepath: GPBACKUP_PLUGIN, options }));
      timestamp = await gpbackup('--dbname', source.name, '--plugin-config', plugin);
    });

    afterAll(async () => {
      for (const database of made) await database.drop();
      await place?.stop();
    });

    test('is complete, and gprestore restores it', async () => {
      const shown = await stowage(['show', timestamp], { config });
      expect(failureOf(shown)).toBeUndefined();
      expect(shown.json.manifest.source).toMatchObject({ tool: 'gpbackup', timestamp });
      const target = databaseOn(source.cluster, freshName());
      made.push(target);
      const redirected = ['--redirect-db', target.name, '--create-db'];
      await runAsOwner(
        'gprestore',
        '--timestamp',
        timestamp,
        '--plugin-config',
        plugin,
        ...redirected,
      );
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
