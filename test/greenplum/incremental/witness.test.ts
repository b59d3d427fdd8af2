import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, failureOf, stowage } from '../../support/cli.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { clustersUnderTest, withoutGreenplum } from '../support/cluster.ts';
import { digestsOf } from '../support/compare.ts';
import {
  configFor,
  databaseOn,
  freshDatabase,
  freshName,
  type TestDatabase,
} from '../support/database.ts';

const rows = `SELECT g AS id, md5(g::text) AS word, g % 4 AS part FROM generate_series(1, 2000) g`;
const AO = 'appendonly=true';
const TABLES_SQL = `
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE heap AS ${rows} DISTRIBUTED BY (id);
CREATE TABLE heap_kept AS ${rows} DISTRIBUTED BY (id);
CREATE TABLE ao_row WITH (${AO}) AS ${rows} DISTRIBUTED BY (id);
CREATE TABLE ao_column WITH (${AO}, orientation=column) AS ${rows} DISTRIBUTED BY (id);
CREATE TABLE ao_deleted WITH (${AO}) AS ${rows} DISTRIBUTED BY (id);
CREATE TABLE ao_again WITH (${AO}) AS ${rows} DISTRIBUTED BY (id);
CREATE TABLE ao_mood (id int, m mood) WITH (${AO}, orientation=column) DISTRIBUTED BY (id);
INSERT INTO ao_mood SELECT g, 'good' FROM generate_series(1, 100) g;
CREATE TABLE ao_indexed WITH (${AO}) AS ${rows} DISTRIBUTED BY (id);
CREATE INDEX ON ao_indexed (id);
CREATE TABLE ao_wide (id int, t text) WITH (${AO}) DISTRIBUTED BY (id);
ALTER TABLE ao_wide ALTER t SET STORAGE EXTERNAL;
INSERT INTO ao_wide SELECT g, repeat(g::text, 20000) FROM generate_series(1, 20) g;
CREATE TABLE ao_everywhere WITH (${AO}) AS ${rows} DISTRIBUTED REPLICATED;
CREATE TABLE leaves (id int, word text, part int) WITH (${AO}) DISTRIBUTED BY (id)
  PARTITION BY RANGE (part) (START (0) END (4) EVERY (1));
INSERT INTO leaves ${rows};
CREATE EXTERNAL WEB TABLE outside (t text) EXECUTE 'echo x' ON MASTER FORMAT 'text';
VACUUM FREEZE heap; VACUUM FREEZE heap_kept;
`;

describe.skipIf(withoutGreenplum)('a backup by barrier after a backup', () => {
  let place: Place;
  let source: TestDatabase;
  let config: string;
  const made: TestDatabase[] = [];

  beforeAll(async () => {
    place = await directoryPlace();
    const [cluster] = await clustersUnderTest();
    source = await freshDatabase(cluster, [TABLES_SQL]);
    made.push(source);
    const backup = { witnesses: { fileStamp: true } };
    config = await configFor(place, source, place.newRoot(), { backup });
    await backUp();
  });
  afterAll(async () => {
    for (const database of made) await database.drop();
    await place?.stop();
  });

  async function backUp(): Promise<CliResult> {
    const backup = await stowage(['backup'], { config });
    expect(failureOf(backup)).toBeUndefined();
    expect(backup.json.status).toBe('complete');
    return backup;
  }

  /** How many relations each content has read, added up. */
  async function readInContents({ json }: CliResult): Promise<number> {
    const { manifest } = (await stowage(['show', json.timestamp], { config })).json;
    const contents: { totals: { readRelations?: number } }[] = manifest.contents;
    return contents.reduce((sum, { totals }) => sum + (totals.readRelations ?? 0), 0);
  }

  async function isRestored(backup: CliResult): Promise<void> {
    const again = databaseOn(source.cluster, freshName());
    made.push(again);
    const args = ['--create', '--redirect-db', again.name];
    const restore = await stowage(['restore', backup.json.timestamp, ...args], { config });
    expect(failureOf(restore)).toBeUndefined();
    expect(await digestsOf(again)).toEqual(await digestsOf(source));
  }

  test('reads no append-optimized table that did not change', async () => {
    const backup = await backUp();
    expect(backup.json).toMatchObject({ readTables: 2, witnesses: { unavailable: [] } });
  });

  test('reads no heap table whose files did not change, and nothing else than what changed', async () => {
    await sleep(3_100);
    await backUp();
    const kept = await backUp();
    expect(kept.json).toMatchObject({ readTables: 0 });
    await source.psql(`
      UPDATE heap SET word = 'new' WHERE id = 700;
      INSERT INTO ao_row VALUES (1, 'more', 1);
      UPDATE ao_column SET word = 'new' WHERE id = 700;
      DELETE FROM ao_deleted WHERE id = 700;
      TRUNCATE ao_again; INSERT INTO ao_again ${rows};
      UPDATE ao_wide SET t = repeat('z', 30000) WHERE id = 3;
      DELETE FROM ao_everywhere WHERE id = 5;
      INSERT INTO leaves VALUES (1, 'more', 2);
      ALTER TABLE ao_indexed ADD more int DEFAULT 3;
      BEGIN; INSERT INTO ao_mood VALUES (1, 'bad'); ROLLBACK;`);
    const backup = await backUp();
    expect(backup.json).toMatchObject({
      readTables: 10,
      witnesses: {
        reasons: [
          // The files of an INSERT that was rolled back have changed, too.
          { reason: 'changed', tables: 8 },
          { reason: 'rewritten', tables: 4 },
        ],
      },
    });
    // Of the tables with one changed row, one segment is read and the other is not.
    expect(await readInContents(backup)).toBe(12);
    await isRestored(backup);
  });

  test('reads every table when the snapshot is taken by dispatch', async () => {
    const backup = await stowage(['backup', '--snapshot', 'dispatch'], { config });
    expect(failureOf(backup)).toBeUndefined();
    expect(backup.json).toMatchObject({ status: 'complete', readTables: 14, carriedTables: 0 });
  });
});
