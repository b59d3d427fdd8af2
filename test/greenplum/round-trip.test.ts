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
import { SNAPSHOTS, takenBy } from './support/snapshots.ts';

/** Each test is a step of one round trip, and needs the steps before it. */
describe.skipIf(withoutGreenplum).each(SNAPSHOTS)(
  'a round trip with a snapshot by %s',
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
      config = await configFor(place, source, root, {
        backup: takenBy(snapshot),
        ...(snapshot === 'barrier' && { restore: {} }),
      });
    });
    afterAll(async () => {
      await source?.drop();
      await restored?.drop();
      if (cluster !== undefined) await dropGlobals(cluster, prefix);
      await place?.stop();
    });

    test('backs up a database with every kind of object, and verifies the set', async () => {
      backup = await run('backup');
      expect(failureOf(backup)).toBeUndefined();
      expect(backup.json).toMatchObject({ status: 'complete', failures: [], problems: [] });
      const verified = await run('verify', backup.json.timestamp);
      expect(verified.json).toMatchObject({ status: 'complete', problems: [] });
      expect(verified.code).toBe(0);
      manifest = (await run('show', backup.json.timestamp)).json.manifest;
      parts = await readManifestParts(fileURLToPath(root), manifest);
    });

    test('stores the definitions in the content of the coordinator, and the rows in those of the segments or of the coordinator', () => {
      const taken = takenBy(snapshot);
      const mechanism = 'through' in taken ? taken.through : taken.snapshot;
      expect(manifest).toMatchObject({ flavour: 'greenplum', snapshot: { mechanism } });
      const contents = manifest.contents.map(({ content }) => content);
      const isThrough = snapshot === 'coordinator';
      const others = isThrough ? [] : cluster.segments.map(({ content }) => content);
      expect(contents).toEqual([COORDINATOR, ...others]);
      const [coordinator, ...segments] = parts;
      const files = coordinator?.metadata.map(({ file }) => file);
      expect(files?.toSorted()).toEqual(['globals.sql.zst', 'schema.dump', 'sequences.sql.zst']);
      const throughCoordinator = isThrough || snapshot === 'dispatch through the coordinator';
      for (const segment of segments) {
        expect(segment.metadata).toEqual([]);
        if (throughCoordinator) expect(segment).toMatchObject({ relations: [], packs: [] });
      }
      for (const shipping of throughCoordinator ? parts.slice(0, 1) : segments) {
        expect(shipping.relations.length).toBeGreaterThan(150);
        expect(shipping.packs.length).toBeGreaterThan(0);
      }
    });

    test('stores the rows of leaves and unlogged tables, and no rows of partition roots or external tables', () => {
      const shipped = new Set(manifest.relations.map(({ schema, name }) => `${schema}.${name}`));
      for (const name of [
        'parts.sales_1_prt_2_2_prt_eu',
        'parts.aged_1_prt_older',
        'kinds.no_columns',
        'kinds.unlogged',
      ])
        expect(shipped).toContain(name);
      const notShipped = new Map(
        manifest.notShipped.map(({ schema, name, kind }) => [`${schema}.${name}`, kind]),
      );
      for (const name of ['outside.executes', 'outside.far', 'views.z_first'])
        expect([...notShipped.keys()]).toContain(name);
      for (const name of ['parts.sales', 'parts.sales_1_prt_2', ...notShipped.keys()])
        expect(shipped).not.toContain(name);
    });

    test('stores a replicated table once', () => {
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

    test('restores the database under another name, with roles, resource queues and groups, after all were dropped', async () => {
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
      await isUnchanged();
    });

    test('restores changed rows with --truncate, and names a dropped constraint and index', async () => {
      await restored.psql(`DELETE FROM kinds.heap WHERE id % 3 = 0; UPDATE kinds.ao_column SET t = 'changed' WHERE id < 100;
      TRUNCATE parts.sales; INSERT INTO kinds.heap_replicated SELECT i, 'more' FROM generate_series(1, 10) i;
      INSERT INTO kinds.empty_ao_row VALUES (1); SELECT setval('seqs.advanced', 1);
      -- The table has a row that violates it, which cannot be loaded while the constraint exists.
      ALTER TABLE rules.keyed DROP CONSTRAINT never_looked_at;
      DROP INDEX rules.indexed_expression`);
      const args = ['--truncate', '--redirect-db', restored.name];
      const restore = await run('restore', backup.json.timestamp, ...args);
      const lost = (kind: string, name: string) => ({
        code: 'schema-object-missing',
        content: COORDINATOR,
        schemaObject: { kind, schema: 'rules', name },
      });
      expect(restore.json).toMatchObject({ status: 'failed', counted: true, problemsTotal: 2 });
      expect(restore.json.problems).toMatchObject([
        lost('CHECK CONSTRAINT', 'keyed never_looked_at'),
        lost('INDEX', 'indexed_expression'),
      ]);
      expect(restore.code).toBe(3);
      await restored.psql(
        `ALTER TABLE rules.keyed ADD CONSTRAINT never_looked_at CHECK (id <> 7) NOT VALID;
         CREATE INDEX indexed_expression ON rules.indexed (lower(t), (id + low))`,
      );
      await isUnchanged();
    });

    async function isUnchanged(): Promise<void> {
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
