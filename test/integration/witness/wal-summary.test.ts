import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession } from '../../../database/session/session.ts';
import { walSummary } from '../../../database/witness/wal-summary/provider.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { postgres17 } from '../../support/servers/postgres-17.ts';
import { waitUntil } from '../../support/wait-for.ts';
import { compare, type Observed, observe } from './observe.ts';

const binDir = await postgres17();
const DATABASE = 'world';
/** Tables that are always read, and why. */
const ALWAYS = { u: 'unlogged', r: 'type-unknown' };

let server: TestServer;
let base: Observed;

const sql = (text: string, database = DATABASE) => server.psql(text, database);

/** Observes again, and makes the observation the next base. */
async function next() {
  const before = base;
  base = await observe(server, DATABASE, { base: before });
  return compare(before, base);
}

describe.runIf(binDir !== undefined)('a witness of WAL summaries', () => {
  beforeAll(async () => {
    server = await startPostgres({
      databases: [DATABASE],
      settings: {
        ...{ wal_level: 'replica', summarize_wal: 'on', fsync: 'on' },
        ...{ max_prepared_transactions: '2', autovacuum: 'off' },
      },
      ...(binDir && { binDir }),
    });
    await sql(`
      CREATE TYPE mood AS ENUM ('good', 'bad');
      CREATE TYPE pair AS (x int, y text);
      CREATE DOMAIN amount AS numeric(12, 2);
      CREATE TABLE a (id int, word text, made timestamptz, price amount, tags text[], p pair, s int4range);
      INSERT INTO a SELECT g, md5(g::text), now(), g, ARRAY['x'], (g, 'y'::text)::pair, '[1,2)' FROM generate_series(1, 500) g;
      CREATE TABLE b AS SELECT g AS id, 'b' AS word FROM generate_series(1, 500) g;
      CREATE TABLE e AS SELECT g AS id, 'good'::mood AS m FROM generate_series(1, 10) g;
      CREATE TABLE w (id int, wide text); ALTER TABLE w ALTER wide SET STORAGE EXTERNAL;
      INSERT INTO w SELECT g, repeat('w', 5000) FROM generate_series(1, 10) g;
      CREATE UNLOGGED TABLE u AS SELECT 1 AS id;
      CREATE TABLE r AS SELECT 'a'::regclass AS what;
      CREATE TABLE p (id int) PARTITION BY RANGE (id);
      CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
      CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
      INSERT INTO p SELECT generate_series(1, 15);
      CREATE TABLE s1 AS SELECT 1 AS id; CREATE TABLE s2 AS SELECT 2 AS id; CREATE TABLE d AS SELECT 3 AS id;`);
    base = await observe(server, DATABASE);
  });
  afterAll(async () => server?.stop());

  it('needs rights that an ordinary role lacks, and names the commands that give them', async () => {
    await sql('CREATE ROLE limited LOGIN');
    const target = { ...server.target(DATABASE), user: 'limited' };
    const place = { target, waitMs: 20_000, signal: new AbortController().signal };
    const refused = await walSummary.prepare(place);
    const why = 'unavailable' in refused ? refused.unavailable : '';
    const commands = [...why.matchAll(/GRANT [^;]*/g)].map(([command]) => command);
    expect(commands).toContain('GRANT pg_checkpoint TO "limited"');
    await sql(commands.join(';\n'));
    expect(await walSummary.prepare(place)).not.toHaveProperty('unavailable');
    await sql(`SET ROLE limited; SELECT count(c) FROM pg_available_wal_summaries() s
      CROSS JOIN LATERAL pg_wal_summary_contents(s.tli, s.start_lsn, s.end_lsn) c`);
  });

  it('says that nothing changed when nothing changed, read by others or not', async () => {
    await sql('SELECT count(*) FROM a; ANALYZE');
    expect(await next()).toEqual({ read: ALWAYS, wrong: [] });
  });

  it('names the tables with a changed row, a changed TOAST value and a rolled back row', async () => {
    await sql(`UPDATE e SET m = 'bad' WHERE id = 3; INSERT INTO b VALUES (9, 'c'); INSERT INTO p VALUES (5);
      UPDATE w SET wide = repeat('v', 5000) WHERE id = 4;
      BEGIN; SAVEPOINT one; INSERT INTO d VALUES (9); ROLLBACK TO one; COMMIT`);
    const changed = Object.fromEntries(['b', 'd', 'e', 'p1', 'w'].map((name) => [name, 'changed']));
    const read = { ...ALWAYS, ...changed };
    expect(await next()).toEqual({ read, wrong: [] });
    expect(await next()).toEqual({ read: ALWAYS, wrong: [] });
  });

  it('names tables that were truncated, rewritten, vacuumed, swapped or created again', async () => {
    await sql('VACUUM b');
    await sql('VACUUM FULL a; CREATE INDEX ON w (id); CLUSTER w USING w_id_idx');
    await sql(`TRUNCATE e; INSERT INTO e SELECT g, 'good' FROM generate_series(1, 10) g;
      ALTER TABLE s1 RENAME TO s3; ALTER TABLE s2 RENAME TO s1; ALTER TABLE s3 RENAME TO s2;
      DROP TABLE d; CREATE TABLE d AS SELECT 3 AS id`);
    const read = {
      ...{ ...ALWAYS, a: 'rewritten', b: 'changed', w: 'rewritten', e: 'rewritten' },
      ...{ s1: 'replaced', s2: 'replaced', d: 'replaced' },
    };
    expect(await next()).toEqual({ read, wrong: [] });
  });

  it('names tables whose rows look different although no page changed', async () => {
    await sql(`ALTER TYPE mood RENAME VALUE 'bad' TO 'worse'; ALTER TYPE pair RENAME ATTRIBUTE y TO z;
      ALTER TABLE b ADD COLUMN extra int DEFAULT 7; ALTER TABLE d ADD COLUMN gone int;
      ALTER TABLE d DROP COLUMN gone; ALTER TABLE w ALTER id TYPE bigint`);
    const shape = 'shape-changed';
    expect(await next()).toEqual({
      read: { ...ALWAYS, e: shape, a: shape, b: shape, d: shape, w: 'rewritten' },
      wrong: [],
    });
    await sql(`ALTER DATABASE ${DATABASE} SET TimeZone = 'Asia/Kolkata'`, 'postgres');
    expect((await next()).read).toMatchObject({ a: shape, s1: shape, p2: shape });
  });

  it('sees rows of a transaction that was open when the backup began to lock', async () => {
    const writer = await openSession(server.target(DATABASE), {
      ...{ purpose: 'restore', applicationName: 'writer' },
    });
    await writer.query('BEGIN');
    await writer.query('INSERT INTO public.p VALUES (7); UPDATE public.d SET id = 10');
    const observing = next();
    await waitUntil(
      async () => (await sql('SELECT count(*) FROM pg_locks WHERE NOT granted')) > '0',
    );
    await writer.query('COMMIT');
    await writer.close();
    expect(await observing).toEqual({
      read: { ...ALWAYS, p1: 'changed', d: 'changed' },
      wrong: [],
    });
    expect(await next()).toEqual({ read: ALWAYS, wrong: [] });
  });

  it('does not exist while a prepared transaction holds rows, and sees them afterwards', async () => {
    await sql("BEGIN; INSERT INTO s1 VALUES (4); PREPARE TRANSACTION 'held'");
    const blocked = observe(server, DATABASE, { base, attemptsMax: 1 });
    await expect(blocked).rejects.toMatchObject({ code: 'database/locked' });
    await sql("COMMIT PREPARED 'held'");
    expect(await next()).toEqual({ read: { ...ALWAYS, s1: 'changed' }, wrong: [] });
  });

  it('holds for rows committed before a crash of the server, also asynchronously', async () => {
    await sql('SET synchronous_commit = off; UPDATE s1 SET id = id + 1');
    await next();
    await sql('SET synchronous_commit = on; UPDATE s2 SET id = id + 1');
    // Right after the kill the server still answers; each crash gives it another checkpointer.
    const checkpointer = () =>
      sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'").catch(() => '');
    const before = await checkpointer();
    await sql("COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID'").catch(() => undefined);
    await waitUntil(async () => !['', before].includes(await checkpointer()));
    const { read, wrong } = await next();
    expect(wrong).toEqual([]);
    expect(read).toEqual({ ...ALWAYS, s2: 'changed' });
  });

  it('proves nothing when the summaries of the base are gone, or are of another history', async () => {
    const [source] = base.content.sources;
    if (source?.kind !== 'wal-summary') throw new Error('no witness of WAL summaries');
    const anchor = { ...source.anchor, start: '0/28' };
    const other = { ...base, content: { ...base.content, sources: [{ ...source, anchor }] } };
    const now = await observe(server, DATABASE, { base: other });
    expect(compare(other, now).read).toMatchObject({ a: 'history-unknown', p2: 'history-unknown' });
    await sql(`COPY (SELECT 1) TO PROGRAM 'rm pg_wal/summaries/*'`);
    expect((await next()).read).toMatchObject({ a: 'history-unknown', p2: 'history-unknown' });
    expect(await next()).toEqual({ read: ALWAYS, wrong: [] });
  });

  it('says that everything changed in a database that was made from files with the same oids', async () => {
    const oid = await sql(`SELECT oid FROM pg_database WHERE datname = '${DATABASE}'`);
    await sql(
      `CREATE DATABASE copied TEMPLATE ${DATABASE} STRATEGY file_copy; DROP DATABASE ${DATABASE};
       CREATE DATABASE ${DATABASE} OID = ${oid} TEMPLATE copied STRATEGY file_copy;
       ALTER DATABASE ${DATABASE} SET TimeZone = 'Asia/Kolkata'`.replaceAll(/;\s*/g, ';\n'),
      'postgres',
    );
    expect((await next()).read).toMatchObject({ a: 'changed', b: 'changed', p2: 'changed' });
  });
});
