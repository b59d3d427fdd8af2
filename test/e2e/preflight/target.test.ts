import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

const EXTENSION = 'stowage_is_not_installed';

let place: Place;
let source: TestServer[];
let target: TestServer[];
let [root, config, into, timestamp] = ['', '', '', ''];

beforeAll(async () => {
  place = await directoryPlace();
  [source, target] = await Promise.all([
    startCluster(2, { databases: [DATABASE] }),
    startCluster(2),
  ]);
  for (const server of source)
    await server.psql(
      `CREATE ROLE app; CREATE ROLE "Odd Reader"; CREATE EXTENSION citext;
       CREATE TABLE orders (id int PRIMARY KEY, name citext); INSERT INTO orders VALUES (1, 'a'), (2, 'b');
       CREATE UNLOGGED TABLE cache (id int);
       ALTER TABLE orders OWNER TO app; GRANT SELECT ON orders TO "Odd Reader"`,
      DATABASE,
    );
  root = place.newRoot();
  config = await configFor(place, source, root);
  into = await configFor(place, target, root);
  const backup = await stowage(['backup', '--no-unlogged-table-data'], { config });
  expect(failureOf(backup)).toBeUndefined();
  timestamp = backup.json.timestamp;
});
afterAll(async () => {
  await stopAll([...(source ?? []), ...(target ?? [])]);
  await place?.stop();
});

const messagesOf = ({ json }: CliResult) =>
  (json as unknown as { reasons: { message: string }[] }).reasons.map(({ message }) => message);

/** Every object of the root, and the databases and roles of every server. */
async function everything(): Promise<unknown> {
  const store = await place.open(root);
  const objects = await Array.fromAsync(store.list(''), ({ key, etag }) => `${key} ${etag}`);
  const names = [...source, ...target].map(async (server) => [
    await databasesOf(server),
    await server.psql('SELECT rolname FROM pg_roles ORDER BY 1'),
    await server.psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
  ]);
  return [objects, await Promise.all(names)];
}

describe('restore --dry-run', () => {
  test('names every reason why a target cannot take the set, and changes nothing', async () => {
    const before = await everything();
    const args = ['restore', timestamp, '--create', '--dry-run'];
    const text = await stowage(args, { config: into, plain: true });
    expect(text.code).toBe(4);
    const [first = ''] = text.text.split('\n');
    expect(first).toContain(
      `content 0: ${target[0]?.host}:${target[0]?.port}, database ${DATABASE}`,
    );
    expect(text.text).toContain('missing on content 0, 1: Odd Reader, app');
    expect(text.text).toContain('citext 1.');
    expect(text.text).toContain('1 table, 4 rows');
    expect(text.text).toContain('unlogged tables: public.cache');
    expect(text.text).toMatch(/time +not known: no earlier restore/);
    for (const line of text.text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const found = await stowage(args, { config: into });
    expect(found).toMatchObject({
      code: 4,
      json: { dryRun: true, canBegin: false, database: DATABASE, totals: { rows: 4 } },
    });
    expect(messagesOf(found)).toEqual([
      expect.stringContaining('lacks roles Odd Reader, app on content 0, 1'),
    ]);
    expect(messagesOf(found)[0]).toContain('--globals, or leave owners and rights out with');
    expect(await everything()).toEqual(before);
  });

  test('can begin with --globals, and names tables that exist', async () => {
    const globals = ['restore', timestamp, '--create', '--globals', '--dry-run'];
    expect((await stowage(globals, { config: into })).code).toBe(0);
    const before = await everything();
    const over = await stowage(['restore', timestamp, '--dry-run'], { config });
    expect(over.code).toBe(4);
    expect(messagesOf(over)).toEqual(
      [0, 1].map((content) =>
        expect.stringContaining(`table public.orders already exists on content ${content} `),
      ),
    );
    expect(await everything()).toEqual(before);
  });
});

describe('a restore', () => {
  test('is refused before anything is created when the target lacks roles and an extension', async () => {
    const [first] = source;
    await first?.psql(
      `UPDATE pg_extension SET extname = '${EXTENSION}' WHERE extname = 'citext'`,
      DATABASE,
    );
    const backup = await stowage(['backup'], { config });
    await first?.psql(
      `UPDATE pg_extension SET extname = 'citext' WHERE extname = '${EXTENSION}'`,
      DATABASE,
    );
    const before = await everything();
    const args = ['restore', backup.json.timestamp, '--create'];
    const { code, text } = await stowage(args, { config: into, plain: true });
    expect(code).toBe(4);
    const words = text.replaceAll(/\s+/g, ' ');
    expect(words).toContain('lacks roles Odd Reader, app on content 0, 1');
    expect(words).toContain(`lacks extension ${EXTENSION} on content 0`);
    expect(words).toContain('target: database shop on content 0');
    expect(await everything()).toEqual(before);
  });

  test('goes into the database of the set, whatever PGDATABASE names', async () => {
    for (const server of target) await server.psql('CREATE DATABASE stray');
    const args = ['restore', timestamp, '--create', '--globals'];
    const restore = await stowage(args, { config: into, env: { PGDATABASE: 'stray' } });
    expect(failureOf(restore)).toBeUndefined();
    const event = { event: 'own-database', database: DATABASE, configured: 'stray' };
    expect(restore.stderrEvents).toContainEqual(expect.objectContaining(event));
    for (const server of target) {
      expect(await server.psql('SELECT count(*) FROM orders', DATABASE)).toBe('2');
      expect(
        await server.psql("SELECT count(*) FROM pg_class WHERE relname = 'orders'", 'stray'),
      ).toBe('0');
    }
    const again = ['restore', timestamp, '--create', '--redirect-db', 'copy', '--dry-run'];
    const { json } = await stowage(again, { config: into });
    expect(json).toMatchObject({
      canBegin: true,
      database: 'copy',
      estimate: { from: { restore: (restore.json as unknown as { id: string }).id } },
    });
  });
});
