import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { clustersUnderTest, type GreenplumCluster, withoutGreenplum } from '../support/cluster.ts';
import { databaseContents } from '../support/compare.ts';
import { configFor, freshDatabase, type TestDatabase } from '../support/database.ts';

const SQL = String.raw`
CREATE SCHEMA parts;
CREATE TABLE parts.sale (id int, at date, region text) DISTRIBUTED BY (id)
PARTITION BY RANGE (at) SUBPARTITION BY LIST (region)
SUBPARTITION TEMPLATE (SUBPARTITION eu VALUES ('eu'), DEFAULT SUBPARTITION elsewhere)
(PARTITION y24 START (date '2024-01-01') END (date '2025-01-01') WITH (appendonly=true, orientation=column),
 PARTITION y25 START (date '2025-01-01') END (date '2026-01-01'), DEFAULT PARTITION other);
INSERT INTO parts.sale SELECT i, date '2024-06-01' + i % 700, (ARRAY['eu', 'us'])[i % 2 + 1] FROM generate_series(1, 5000) i;
CREATE SCHEMA misc;
CREATE TABLE misc.note (id serial PRIMARY KEY, t text) DISTRIBUTED BY (id);
INSERT INTO misc.note (t) SELECT E'note \\ \t' || i FROM generate_series(1, 500) i;
CREATE TABLE misc.country (id int, name text) DISTRIBUTED REPLICATED;
INSERT INTO misc.country SELECT i, 'country ' || i FROM generate_series(1, 100) i;
CREATE TABLE misc.col (id int, t text ENCODING (compresstype=zlib)) WITH (appendonly=true, orientation=column) DISTRIBUTED RANDOMLY;
INSERT INTO misc.col SELECT i, 'log ' || i FROM generate_series(1, 300) i;
CREATE INDEX bm ON misc.note USING bitmap (t);
CREATE VIEW misc.v AS SELECT id, t FROM misc.note WHERE id < 10;
CREATE EXTERNAL WEB TABLE misc.web (t text) EXECUTE 'echo 1' ON MASTER FORMAT 'TEXT';
GRANT SELECT ON misc.web TO public;
`;

const TABLES = ['parts.sale', 'misc.note', 'misc.country', 'misc.col', 'misc.v'];
const DIGESTS = TABLES.map(
  (name) =>
    `SELECT '${name}', count(*), md5(string_agg(k::text, ',' ORDER BY k::text)) FROM ${name} k`,
).join(' UNION ALL ');

describe.skipIf(withoutGreenplum)('a set of a Greenplum', () => {
  let place: Place;
  let server: TestServer;
  let clusters: GreenplumCluster[];
  let source: TestDatabase;
  let config: string;
  let set: string;
  const made: TestDatabase[] = [];

  beforeAll(async () => {
    place = await directoryPlace();
    server = await startPostgres({ databases: ['plain'] });
    clusters = await clustersUnderTest();
    source = await freshDatabase(clusters[0] as GreenplumCluster, [SQL]);
    made.push(source);
    config = await configFor(place, source, place.newRoot());
    const backup = await stowage(['backup'], { config });
    expect(failureOf(backup)).toBeUndefined();
    set = backup.json.timestamp;
  });
  afterAll(async () => {
    for (const database of made) await database.drop();
    await server?.stop();
    await place?.stop();
  });

  async function dumped(name: string, ...flags: string[]): Promise<[string, string]> {
    const path = join(place.folder, name);
    const result = await stowage(['dump', set, '--out', path, ...flags], { config, plain: true });
    expect(failureOf(result)).toBeUndefined();
    return [path, result.text];
  }

  async function psql(
    binDir: string,
    at: { host: string; port: number; user: string },
    ...args: string[]
  ) {
    const place = ['-h', at.host, '-p', String(at.port), '-U', at.user];
    const env = { ...process.env, LD_LIBRARY_PATH: join(binDir, '../lib') };
    const { stderr } = await promisify(execFile)(
      join(binDir, 'psql'),
      ['-X', '-q', '-o', '/dev/null', ...place, ...args],
      { env },
    );
    // Greenplum says which partitions it makes.
    return stderr.replaceAll(/^.*NOTICE:.*\n(HINT:.*\n)?/gm, '');
  }

  test('is a script that its own psql runs on a cluster of another size', async () => {
    const [file] = await dumped('all.sql');
    const target = await freshDatabase(clusters.at(1) ?? source.cluster);
    made.push(target);
    const { binDir } = target.cluster;
    await psql(binDir, target.cluster, '-d', target.name, '-f', file);
    const [before, after] = [await databaseContents(source), await databaseContents(target)];
    expect(after.rows).toEqual(before.rows);
    expect(after.sequences).toEqual(before.sequences);
    expect(after.schema).toBe(before.schema);
  });

  test('is a script for PostgreSQL with --plain-postgres, which lists what it changed', async () => {
    const [file, text] = await dumped('plain.sql', '--plain-postgres', '--no-owner', '--no-acl');
    expect(await psql(server.binDir, server, '-d', 'plain', '-f', file)).toBe('');
    expect(await server.psql(DIGESTS, 'plain')).toBe(await source.psql(DIGESTS));
    for (const change of [
      'TABLE parts.sale: partitions left out, their rows go into the table',
      'TABLE misc.country: DISTRIBUTED REPLICATED left out',
      'INDEX bm: bitmap became btree',
      'CREATE EXTERNAL WEB TABLE misc.web: left out',
    ])
      expect(text).toContain(change);
  });

  test('gives the rows of all segments, and of a replicated table once', async () => {
    for (const table of ['parts.sale', 'misc.country', 'misc.col']) {
      const lines = (from: string) => from.trimEnd().split('\n').sort();
      const wanted = lines(await source.psql(`COPY (SELECT * FROM ${table}) TO STDOUT`));
      for (const command of [
        ['cat', set, table],
        ['export', table],
        ['export', table, '--parallel'],
      ]) {
        const { code, text } = await stowage(command, { config, plain: true });
        expect([command, code, lines(text)]).toEqual([command, 0, wanted]);
      }
    }
  });
});
