import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { quoteLiteral } from '../../database/session/quote.ts';
import { failureOf, stowage } from '../support/cli.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { readManifestParts } from '../support/manifest-parts.ts';
import { globalsSql, objectsSql } from './objects/objects.ts';
import {
  clustersUnderTest,
  type GreenplumCluster,
  psql,
  targetOf,
  withoutGreenplum,
} from './support/cluster.ts';
import {
  type DatabaseContents,
  databaseContents,
  globalsOf,
  misplacedRowsOf,
  unequalCopiesOf,
} from './support/compare.ts';
import {
  configFor,
  databaseOn,
  dropGlobals,
  freshDatabase,
  freshName,
  type TestDatabase,
} from './support/database.ts';
import { SNAPSHOTS, takenBy } from './support/snapshots.ts';

const run = promisify(execFile);
const PAGE = new URL('../../docs/restore-by-hand.md', import.meta.url);
/** Content −1 means the whole cluster. */
const WHOLE = '-1';

const clusters = withoutGreenplum ? [] : await clustersUnderTest();
const [home] = clusters;
/**
 * A cluster with another number of segments, if there is one: Greenplum must redistribute the rows.
 */
const away =
  clusters.find(
    ({ major, segments }) => major === home?.major && segments.length !== home.segments.length,
  ) ?? home;

/** The page promises: zstd, pg_restore, psql and jq restore a cluster of any number of segments. */
describe.skipIf(withoutGreenplum).each(SNAPSHOTS)(
  'the script of docs/restore-by-hand.md, with a snapshot by %s,',
  (snapshot) => {
    const prefix = `${freshName()}_`;
    const [from, to] = [home, away] as [GreenplumCluster, GreenplumCluster];
    let place: Place;
    let root: string;
    let source: TestDatabase;
    let restored: TestDatabase;
    let before: DatabaseContents;
    let globals: string;
    let timestamp: string;
    let manifest: Manifest;

    beforeAll(async () => {
      place = await directoryPlace();
      await psql(targetOf(from), globalsSql(prefix));
      source = await freshDatabase(from, objectsSql({ major: from.major, rolePrefix: prefix }));
      restored = databaseOn(to, freshName());
      before = await databaseContents(source);
      globals = await globalsOf(from, prefix);
      root = place.newRoot();
      // Packs so small that tables span several of them.
      const backup = { ...takenBy(snapshot), frameBytes: 65_536, packBytes: 262_144 };
      const config = await configFor(place, source, root, { backup });
      const made = await stowage(['backup'], { config });
      expect(failureOf(made)).toBeUndefined();
      timestamp = made.json.timestamp;
      manifest = (await stowage(['show', timestamp], { config })).json.manifest;
      await writeFile(scriptPath(), await scriptOfPage());
    });
    afterAll(async () => {
      await source?.drop();
      await restored?.drop();
      for (const cluster of new Set([from, to])) await dropGlobals(cluster, prefix);
      await place?.stop();
    });

    test('refuses a set with a flipped byte before it creates anything', async () => {
      const parts = await readManifestParts(fileURLToPath(root), manifest);
      const pack = parts.flatMap(({ packs }) => packs).at(-1);
      if (pack === undefined) throw new Error('the set has no pack');
      const path = join(fileURLToPath(root), pack.key);
      const bytes = await readFile(path);
      const at = Math.floor(bytes.length / 2);
      await writeFile(path, bytes.with(at, (bytes[at] ?? 0) ^ 1));
      await expect(restoreByHand(WHOLE)).rejects.toThrow(`${pack.key} is damaged`);
      await writeFile(path, bytes);
      expect(await databaseExists(restored)).toBe(false);
    });

    test('refuses to restore a single segment', async () => {
      await expect(restoreByHand('0')).rejects.toThrow('which is restored as a whole');
      expect(await databaseExists(restored)).toBe(false);
    });

    test('restores every kind of object, with roles, resource queues and resource groups', async () => {
      if (to === from) {
        await source.drop();
        await dropGlobals(from, prefix);
      }
      await restoreByHand(WHOLE);
      const after = await databaseContents(restored);
      expect(before.rows.size).toBeGreaterThan(200);
      expect(after.rows).toEqual(before.rows);
      expect(after.sequences).toEqual(before.sequences);
      expect(after.schema).toBe(before.schema);
      expect(await globalsOf(to, prefix)).toBe(globals);
    });

    test('loads every row into its segment, and equal copies of replicated tables into all segments', async () => {
      expect(await misplacedRowsOf(restored)).toEqual([]);
      expect(await unequalCopiesOf(restored)).toEqual([]);
      const spread = await restored.psql('SELECT count(DISTINCT gp_segment_id) FROM kinds.heap');
      expect(Number(spread)).toBe(to.segments.length);
    });

    test('creates planner statistics, also of partition roots', async () => {
      const tables = ['kinds.heap', 'kinds.heap_replicated', 'parts.sales'];
      // Greenplum merges the statistics of leaves for their root, unless a leaf is an external
      // table. Only version 6 has such a table.
      if (to.major < 7) tables.push('parts.archived');
      for (const table of tables) {
        const statistics = `SELECT count(*) > 0 FROM pg_statistic WHERE starelid = '${table}'::regclass`;
        expect([table, await restored.psql(statistics)]).toEqual([table, 't']);
      }
    });

    const scriptPath = () => join(place.folder, 'restore.sh');

    /** Greenplum's own programs come first in PATH, as in its greenplum_path.sh. */
    async function restoreByHand(content: string): Promise<void> {
      await run('bash', [scriptPath(), fileURLToPath(root), timestamp, content], {
        env: {
          PATH: `${to.binDir}:/usr/bin:/bin`,
          LC_ALL: 'C.UTF-8',
          PGHOST: to.host,
          PGPORT: String(to.port),
          PGUSER: to.user,
          PGDATABASE: restored.name,
        },
      });
    }
  },
);

/** The page has one block of bash, which is the whole script. */
async function scriptOfPage(): Promise<string> {
  const page = await readFile(PAGE, 'utf8');
  const [, script = ''] = /^```bash\n(.*?)^```$/ms.exec(page) ?? [];
  expect(script).toContain('psql');
  expect(script).not.toMatch(/stowage |node |python/);
  return script;
}

async function databaseExists({ cluster, name }: TestDatabase): Promise<boolean> {
  const found = await psql(
    targetOf(cluster),
    `SELECT count(*) FROM pg_database WHERE datname = ${quoteLiteral(name)}`,
  );
  return found !== '0';
}
