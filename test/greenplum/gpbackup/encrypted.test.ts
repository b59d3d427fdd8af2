import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { failureOf, stowage } from '../../support/cli.ts';
import { testKeys } from '../../support/e2e/encryption.ts';
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
  TABLES,
} from '../support/gpbackup.ts';

const clusters = withoutGreenplum ? [] : await clustersUnderTest();
/** Several chunks of a sealed file in each segment. */
const WIDE = `CREATE TABLE wide (id int, v text) DISTRIBUTED BY (id);
INSERT INTO wide SELECT g, repeat(md5(g::text), 8) FROM generate_series(1, 40000) g;`;

describe.skipIf(withoutGreenplum || GPBACKUP_RUN === '')(
  'an encrypted backup that gpbackup makes through the plugin',
  () => {
    let place: Place;
    /** The plugin configurations of hosts without and with an identity. */
    let [root, writing, reading, config] = ['', '', '', ''];
    let source: TestDatabase;
    const made: TestDatabase[] = [];
    const [first] = clusters.filter(({ major, segments }) => major === 6 && segments.length > 1);

    beforeAll(async () => {
      if (first === undefined) throw new Error('no Greenplum 6 with several segments');
      place = await directoryPlace();
      root = await openRoot(place);
      source = await freshDatabase(first, [SCRIPT, WIDE]);
      made.push(source);
      const keys = await testKeys(join(place.folder, 'keys'));
      const owned = join(place.folder, 'owned');
      await mkdir(owned);
      await chmod(owned, 0o777);
      // Private files of the user that runs gpbackup and gprestore.
      const copied = async (file: string, name: string) => {
        const copy = 'umask 077; printf %s "$0" > "$1"';
        const path = join(owned, name);
        await runAsOwner('sh', '-c', copy, await readFile(file, 'utf8'), path);
        return path;
      };
      const identityFile = await copied(keys.identityFile, 'identity.txt');
      // It proves the older set of an increment.
      const digestKeyFile = await copied(keys.digestKeyFile, 'digest.key');
      const recipients = [keys.recipient];
      [writing, reading] = [
        await pluginWith('writing', { recipients, digestKeyFile }),
        await pluginWith('reading', { recipients, identityFile }),
      ];
      config = await configFor(place, source, root, {
        encryption: { recipients, identityFile: keys.identityFile },
      });
    });

    afterAll(async () => {
      for (const database of made) await database.drop();
      await place?.stop();
    });

    async function pluginWith(name: string, encryption: object): Promise<string> {
      const file = join(place.folder, `${name}-stowage.yaml`);
      const cluster = { cluster: 'greenplum-e2e', flavour: 'greenplum', database: 'any', root };
      await writeFile(file, stringify({ ...cluster, coordinator: {}, encryption }));
      const path = join(place.folder, `${freshName()}-${name}.yaml`);
      const own = { config: file, node: process.execPath, encryption: 'on', restore_subset: 'on' };
      await writeFile(path, stringify({ executablepath: GPBACKUP_PLUGIN, options: own }));
      return path;
    }

    const backup = (...args: string[]) =>
      gpbackup('--dbname', source.name, '--plugin-config', writing, ...args);
    const restore = async (timestamp: string, plugin: string, ...args: string[]) => {
      const target = databaseOn(source.cluster, freshName());
      made.push(target);
      const into = ['--redirect-db', target.name, '--create-db', ...args];
      await runAsOwner('gprestore', '--timestamp', timestamp, '--plugin-config', plugin, ...into);
      return target;
    };

    const restoreByStowage = async (timestamp: string) => {
      const target = databaseOn(source.cluster, freshName());
      made.push(target);
      const args = ['restore', timestamp, '--create', '--redirect-db', target.name];
      const restored = await stowage(args, { config });
      expect(restored.code, restored.text).toBe(0);
      return target;
    };

    test('is restored by gprestore and by Stowage with an identity, and not without', async () => {
      const timestamp = await backup();
      const verified = await stowage(['verify', timestamp], { config });
      expect(failureOf(verified)).toBeUndefined();
      expect(verified.json).toMatchObject({ status: 'complete', decrypted: true });
      const tables = [...TABLES, 'wide'];
      const rows = await rowsOf(source, tables);
      // gpbackup leaves the files of its coordinator, so those of the segments are what is refused.
      await expect(restore(timestamp, writing)).rejects.toThrow(/no-identity/);
      expect(await rowsOf(await restore(timestamp, reading), tables)).toEqual(rows);
      expect(await rowsOf(await restoreByStowage(timestamp), tables)).toEqual(rows);
    });

    test('gives gprestore single tables out of one file with all of them', async () => {
      const timestamp = await backup('--single-data-file', '--no-compression');
      for (const table of ['hashed', 'wide']) {
        const target = await restore(timestamp, reading, '--include-table', `public.${table}`);
        expect(await rowsOf(target, [table])).toEqual(await rowsOf(source, [table]));
      }
    });

    test('is the base of an increment, which needs no identity on the coordinator', async () => {
      const full = await backup('--leaf-partition-data');
      // The append-optimized table has not changed: its rows stay in the base.
      await source.psql('INSERT INTO hashed VALUES (0)');
      const timestamp = await backup('--leaf-partition-data', '--incremental');
      const shown = await stowage(['show', timestamp], { config });
      expect(shown.json.manifest.needs).toHaveLength(1);
      const rows = await rowsOf(source);
      expect(await rowsOf(await restore(timestamp, reading))).toEqual(rows);
      expect(await rowsOf(await restoreByStowage(timestamp))).toEqual(rows);

      // As when the older set was replaced by another one.
      const manifest = fileURLToPath(`${root}/${formatKey({ kind: 'manifest', timestamp: full })}`);
      const text = await readFile(manifest, 'utf8');
      await writeFile(
        manifest,
        text.replace(/"keyId":"[0-9a-f]{32}"/, `"keyId":"${'ab'.repeat(16)}"`),
      );
      await expect(restore(timestamp, reading)).rejects.toMatchObject({
        stdout: expect.stringContaining('was made from another one'),
      });
    });
  },
);
