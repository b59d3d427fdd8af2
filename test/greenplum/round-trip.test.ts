import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest, ManifestPart } from '../../backup-set/documents/manifest.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { type CliResult, failureOf, stowage } from '../support/cli.ts';
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
import { SNAPSHOTS } from './support/snapshots.ts';

/** The story once per way of taking the snapshot: each test is a step, and the next ones need it. */
describe.skipIf(withoutGreenplum).each(SNAPSHOTS)(
  'there and back, the snapshot by %s',
  (snapshot) => {
    const prefix = `${freshName()}_`;
    let place: Place;
    let cluster: GreenplumCluster;
    let source: TestDatabase;
    let restored: TestDatabase;
    let before: DatabaseContents;
    let globals: string;
    let config: string;
    let backup: CliResult;
    let root: string;
    let manifest: Manifest;
    let parts: ManifestPart[];

    const run = (...args: string[]) => stowage(args, { config });

    beforeAll(async () => {
      place = await directoryPlace();
      [cluster] = await clustersUnderTest();
      await psql(targetOf(cluster), globalsSql(prefix));
      source = await freshDatabase(
        cluster,
        objectsSql({ major: cluster.major, rolePrefix: prefix }),
      );
      restored = databaseOn(cluster, freshName());
      before = await databaseContents(source);
      globals = await globalsOf(cluster, prefix);
      root = place.newRoot();
      config = await configFor(place, source, root, { backup: { snapshot } });
    });
    afterAll(async () => {
      await source?.drop();
      await restored?.drop();
      if (cluster !== undefined) await dropGlobals(cluster, prefix);
      await place?.stop();
    });

    test('a database of every kind of object is backed up, and proven complete', async () => {
      backup = await run('backup');
      expect(failureOf(backup)).toBeUndefined();
      expect(backup.json).toMatchObject({ status: 'complete', failures: [], problems: [] });
      const verified = await run('verify', backup.json.timestamp);
      expect(verified.json).toMatchObject({ status: 'complete', problems: [] });
      expect(verified.code).toBe(0);
      manifest = (await run('show', backup.json.timestamp)).json.manifest;
      parts = await readManifestParts(fileURLToPath(root), manifest);
    });

    test('the coordinator’s content has the definitions, the segments’ contents the rows', () => {
      expect(manifest).toMatchObject({ flavour: 'greenplum', snapshot: { mechanism: snapshot } });
      const contents = manifest.contents.map(({ content }) => content);
      expect(contents).toEqual([COORDINATOR, ...cluster.segments.map(({ content }) => content)]);
      const [coordinator, ...segments] = parts;
      const files = coordinator?.metadata.map(({ file }) => file);
      expect(files?.toSorted()).toEqual(['globals.sql.zst', 'schema.dump', 'sequences.sql.zst']);
      for (const segment of segments) {
        expect(segment.metadata).toEqual([]);
        expect(segment.relations.length).toBeGreaterThan(150);
        expect(segment.packs.length).toBeGreaterThan(0);
      }
    });

    test('rows of leaves are in the set, of their roots, of external and unlogged tables they are not', () => {
      const shipped = new Set(manifest.relations.map(({ schema, name }) => `${schema}.${name}`));
      for (const name of [
        'parts.sales_1_prt_2_2_prt_eu',
        'parts.aged_1_prt_older',
        'kinds.no_columns',
      ])
        expect(shipped).toContain(name);
      const left = new Map(
        manifest.notShipped.map(({ schema, name, kind }) => [`${schema}.${name}`, kind]),
      );
      for (const name of ['outside.executes', 'outside.far', 'kinds.unlogged', 'views.z_first'])
        expect([...left.keys()]).toContain(name);
      for (const name of ['parts.sales', 'parts.sales_1_prt_2', ...left.keys()])
        expect(shipped).not.toContain(name);
    });

    test('a replicated table is in the set once', () => {
      const replicated = manifest.relations.filter((relation) => relation.replicated === true);
      expect(replicated.map(({ name }) => name)).toEqual(
        expect.arrayContaining([
          'heap_replicated',
          'ao_row_replicated',
          'ao_column_replicated',
          'empty_replicated',
        ]),
      );
      for (const { id, schema, name } of replicated) {
        const holders = parts.flatMap(({ content, relations }) =>
          relations
            .filter(({ relation }) => relation === id)
            .map(({ rows }) => ({ content, rows })),
        );
        expect(holders).toHaveLength(1);
        const rows = before.rows.get(`${schema}.${name}`)?.split(' ')[0];
        if (rows !== undefined) expect(String(holders[0]?.rows)).toBe(rows);
      }
    });

    test('with database and roles gone, it comes back under another name, roles, queues and groups first', async () => {
      await source.drop();
      await dropGlobals(cluster, prefix);
      expect(await globalsOf(cluster, prefix)).toBe('');
      const args = ['--create', '--globals', '--redirect-db', restored.name];
      const restore = await run('restore', backup.json.timestamp, ...args);
      expect(failureOf(restore)).toBeUndefined();
      expect(restore.json).toMatchObject({
        status: 'restored',
        problems: [],
        totals: { rows: backup.json.rows },
      });
      await isAsBefore();
    });

    test('--truncate brings back what was changed since', async () => {
      await restored.psql(`DELETE FROM kinds.heap WHERE id % 3 = 0; UPDATE kinds.ao_column SET t = 'changed' WHERE id < 100;
      TRUNCATE parts.sales; INSERT INTO kinds.heap_replicated SELECT i, 'more' FROM generate_series(1, 10) i;
      INSERT INTO kinds.empty_ao_row VALUES (1); SELECT setval('seqs.advanced', 1);
      -- It has a row that breaks it, which nobody can load while it is there.
      ALTER TABLE rules.keyed DROP CONSTRAINT never_looked_at`);
      const args = ['--truncate', '--redirect-db', restored.name];
      const restore = await run('restore', backup.json.timestamp, ...args);
      expect(failureOf(restore)).toBeUndefined();
      expect(restore.json).toMatchObject({ status: 'restored', problems: [] });
      await restored.psql(
        'ALTER TABLE rules.keyed ADD CONSTRAINT never_looked_at CHECK (id <> 7) NOT VALID',
      );
      await isAsBefore();
    });

    async function isAsBefore(): Promise<void> {
      const after = await databaseContents(restored);
      expect(after.rows).toEqual(before.rows);
      expect(after.sequences).toEqual(before.sequences);
      expect(after.schema).toBe(before.schema);
      expect(await globalsOf(cluster, prefix)).toBe(globals);
      expect(await misplacedRowsOf(restored)).toEqual([]);
      expect(await unequalCopiesOf(restored)).toEqual([]);
    }
  },
);
