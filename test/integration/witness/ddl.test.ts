import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { postgres17 } from '../../support/servers/postgres-17.ts';
import { compare, type Observed, observe } from './observe.ts';

const binDir = await postgres17();
const DATABASE = 'ddl';

let server: TestServer;
let base: Observed;

const sql = (text: string) => server.psql(text, DATABASE);

/** Observes again, and makes the observation the next base. */
async function next() {
  const before = base;
  base = await observe(server, DATABASE, { base: before });
  return compare(before, base);
}

describe.runIf(binDir !== undefined)(
  'a witness of WAL summaries, after changes of definitions',
  () => {
    beforeAll(async () => {
      server = await startPostgres({
        databases: [DATABASE],
        settings: { wal_level: 'replica', summarize_wal: 'on', fsync: 'on', autovacuum: 'off' },
        ...(binDir && { binDir }),
      });
      await sql(`
      CREATE TYPE mood AS ENUM ('good', 'bad');
      CREATE DOMAIN mood_domain AS mood;
      CREATE TYPE mood_pair AS (m mood, n int);
      CREATE TYPE mood_range AS RANGE (subtype = mood, multirange_type_name = mood_multirange);
      CREATE TABLE by_domain AS SELECT 'good'::mood_domain AS v;
      CREATE TABLE by_array AS SELECT ARRAY['good'::mood_domain] AS v;
      CREATE TABLE by_pair AS SELECT ('good', 1)::mood_pair AS v;
      CREATE TABLE by_range AS SELECT '[good,bad]'::mood_range AS v;
      CREATE TABLE by_multirange AS SELECT '{[good,bad]}'::mood_multirange AS v;
      CREATE TABLE by_row AS SELECT by_pair AS v FROM by_pair;
      CREATE TABLE logged AS SELECT 1 AS id;
      CREATE TABLE generated (id int, twice int GENERATED ALWAYS AS (id * 2) STORED);
      INSERT INTO generated VALUES (1);
      CREATE TABLE empty (id int); CREATE TABLE byte AS SELECT 'x'::"char" AS v; CREATE TABLE nothing ();
      INSERT INTO nothing DEFAULT VALUES;
      CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent); INSERT INTO parent VALUES (1);
      CREATE TABLE root (id int) PARTITION BY RANGE (id);
      CREATE TABLE leaf PARTITION OF root FOR VALUES FROM (0) TO (10); INSERT INTO root VALUES (1);
      CREATE TABLE stamped AS SELECT timestamp '2026-01-01 10:00' AS at;
      CREATE TABLE renamed AS SELECT 1 AS a, 2 AS b;
`);
      await sql('VACUUM FREEZE');
      base = await observe(server, DATABASE);
    });
    afterAll(async () => server?.stop());

    it('says that nothing changed when nothing changed, also in empty tables and rows of a byte', async () => {
      expect(await next()).toEqual({ read: {}, wrong: [] });
    });

    it('reads every table in whose values a label of an enum was renamed, and renamed back', async () => {
      await sql(`ALTER TYPE mood RENAME VALUE 'good' TO 'fine'`);
      await sql(`ALTER TYPE mood RENAME VALUE 'fine' TO 'good'`);
      const shape = 'shape-changed';
      expect(await next()).toEqual({
        read: {
          ...{ by_domain: shape, by_array: shape, by_pair: shape },
          ...{ by_range: shape, by_multirange: shape, by_row: shape },
        },
        wrong: [],
      });
    });

    it('reads a table that was unlogged for a while, and one whose column is no longer generated', async () => {
      await sql('ALTER TABLE logged SET UNLOGGED');
      await sql('UPDATE logged SET id = 2');
      await sql('ALTER TABLE logged SET LOGGED');
      await sql('ALTER TABLE generated ALTER twice DROP EXPRESSION');
      await sql(`SET TimeZone = 'UTC'; ALTER TABLE stamped ALTER at TYPE timestamptz`);
      await sql('ALTER TABLE renamed RENAME a TO c');
      await sql('ALTER TABLE renamed RENAME b TO a');
      await sql('ALTER TABLE renamed RENAME c TO b');
      expect(await next()).toEqual({
        read: {
          ...{ logged: 'rewritten', generated: 'shape-changed' },
          ...{ stamped: 'shape-changed', renamed: 'shape-changed' },
        },
        wrong: [],
      });
    });

    it('carries a leaf that was detached and attached, and a parent whose child changed', async () => {
      await sql('ALTER TABLE root DETACH PARTITION leaf');
      await sql('ALTER TABLE root ATTACH PARTITION leaf FOR VALUES FROM (0) TO (10)');
      await sql('INSERT INTO child VALUES (2)');
      expect(await next()).toEqual({ read: { child: 'changed' }, wrong: [] });
    });
  },
);
