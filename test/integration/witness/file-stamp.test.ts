import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type ContentWitness, witnessDifference } from '../../../backup-set/witness/kinds.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { shardsWitnesses } from '../../../database/shards/witnesses.ts';
import type { Collected } from '../../../database/witness/provider.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const HEAP = ['kept', 'updated', 'toasted', 'rewritten', 'locked', 'wider', 'leaf'];

let server: TestServer;

beforeAll(async () => {
  server = await startPostgres();
  const rows = `AS SELECT g AS id, repeat('x', 50) AS t FROM generate_series(1, 1000) g`;
  await server.psql(`
    ${HEAP.slice(0, -1)
      .map((name) => `CREATE TABLE ${name} WITH (autovacuum_enabled = false) ${rows};`)
      .join('\n')}
    ALTER TABLE toasted ALTER t SET STORAGE EXTERNAL;
    INSERT INTO toasted VALUES (0, repeat('y', 100000));
    CREATE UNLOGGED TABLE unlogged ${rows};
    CREATE TABLE root (id int, t text) PARTITION BY RANGE (id);
    CREATE TABLE leaf PARTITION OF root DEFAULT WITH (autovacuum_enabled = false);
    INSERT INTO root SELECT * FROM kept;
    VACUUM FREEZE;
    CREATE ROLE plain LOGIN; CREATE ROLE granted LOGIN;
    GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO granted;
    GRANT pg_checkpoint TO granted;`);
});
afterAll(() => server?.stop());

async function sessionOf(user: string): Promise<Session> {
  const target = { ...server.target(), user };
  const session = await openSession(target, { purpose: 'probe', applicationName: 'stamps' });
  onTestFinished(() => session.close());
  return session;
}

const provider = shardsWitnesses.providers.find(({ kind }) => kind === 'file-stamp');
type Seen = Collected & { readonly content: ContentWitness; readonly oids: Map<string, number> };

/** What a backup would see. `change` runs where it takes its snapshot. */
async function look({ change = '', user = server.user } = {}): Promise<Seen | string> {
  const { signal } = new AbortController();
  const target = { ...server.target(), user };
  const probe = await provider?.prepare({ target, waitMs: 60_000, signal });
  if (probe === undefined || 'unavailable' in probe) return probe?.unavailable ?? 'no provider';
  if (change !== '') await server.psql(change);
  const session = await sessionOf(user);
  const { server: identity, tables } = await shardsWitnesses.readTables(session);
  const terms = { session, signal, tables, base: undefined, server: identity };
  const collected = await probe.collect(terms);
  if ('unavailable' in collected) return collected.unavailable;
  const oids = new Map(tables.map(({ name, oid }) => [name, oid]));
  return { ...collected, oids, content: { ...identity, sources: [collected.source] } };
}

/** Per table, why it must be read; undefined = it is unchanged. */
function differences(base: Seen | string, now: Seen | string): Record<string, unknown> {
  if (typeof base === 'string' || typeof now === 'string') throw new Error(`${base} ${now}`);
  return Object.fromEntries(
    [...now.oids].map(([name, oid]) => {
      const [before, after] = [base.tables.get(oid), now.tables.get(oid)];
      if (typeof before !== 'object' || typeof after !== 'object') return [name, after];
      const { content } = base;
      return [
        name,
        witnessDifference({ content, witness: before }, { content: now.content, witness: after }),
      ];
    }),
  );
}

const all = (reason: string | undefined) =>
  Object.fromEntries([...HEAP.map((name) => [name, reason]), ['unlogged', 'unlogged']]);

describe('the stamps of files', () => {
  test('prove nothing shortly after a write, and later that the tables are unchanged, but for those that were written', async () => {
    const early = await look();
    expect(differences(early, await look())).toEqual(all('changed-recently'));
    await sleep(3_100);
    const base = await look();
    expect(differences(base, await look())).toEqual(all(undefined));

    const change = `
      UPDATE updated SET t = 'new' WHERE id = 500; VACUUM FULL rewritten;
      UPDATE toasted SET t = repeat('z', 100000) WHERE id = 0;
      BEGIN; SELECT FROM locked WHERE id = 1 FOR UPDATE; COMMIT;
      ALTER TABLE wider ADD more int DEFAULT 7;
      CREATE INDEX ON kept (id); ANALYZE kept; SELECT count(*) FROM kept;`;
    expect(differences(base, await look({ change }))).toEqual({
      ...all(undefined),
      ...{ updated: 'changed', toasted: 'changed', locked: 'changed' },
      ...{ rewritten: 'rewritten', wider: 'shape-changed' },
    });
  });

  test('are not used in a tablespace, because its file system can have another clock', async () => {
    for (const sql of [
      `SET allow_in_place_tablespaces = on; CREATE TABLESPACE elsewhere LOCATION ''`,
      'CREATE TABLE far TABLESPACE elsewhere AS SELECT 1 AS id',
    ])
      await server.psql(sql.replaceAll('; ', ';\n'));
    const seen = await look();
    expect(differences(seen, seen)).toMatchObject({ far: 'tablespace', kept: undefined });
    await server.psql('DROP TABLE far');
  });

  test('prove nothing when the address led to another server meanwhile, whose clock can differ', async () => {
    const other = await startPostgres();
    onTestFinished(() => other.stop());
    const place = { target: server.target(), waitMs: 60_000, signal: new AbortController().signal };
    const probe = await provider?.prepare(place);
    if (probe === undefined || 'unavailable' in probe) throw new Error('no probe');
    place.target = other.target();
    const session = await openSession(place.target, {
      ...{ purpose: 'probe', applicationName: 'stamps' },
    });
    onTestFinished(() => session.close());
    const { server: identity, tables } = await shardsWitnesses.readTables(session);
    const terms = { session, signal: place.signal, tables, base: undefined, server: identity };
    expect(await probe.collect(terms)).toMatchObject({
      unavailable: expect.stringContaining('another server'),
    });
  });

  test('need a superuser, or two grants, which the message names', async () => {
    const missing = await look({ user: 'plain' });
    expect(missing).toContain('GRANT pg_checkpoint TO plain');
    expect(missing).toContain('GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO plain');
    const granted = await look({ user: 'granted' });
    expect(differences(granted, granted)['kept']).toBeUndefined();
  });
});
