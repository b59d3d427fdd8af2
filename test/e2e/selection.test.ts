import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, stowage } from '../support/cli.ts';
import { BANK } from '../support/e2e/bank.ts';
import { configFor, DATABASE, databasesOf } from '../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { selectionSql } from '../support/e2e/selection-data.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';

let place: Place;
let servers: TestServer[];
let [root, config, timestamp] = ['', '', ''];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const [content, server] of servers.entries())
    await server.psql(selectionSql(content), DATABASE);
  root = place.newRoot();
  config = await configFor(place, servers, root);
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

const command = (...args: string[]): Promise<CliResult> => stowage(args, { config });

async function onAll(sql: string, database = DATABASE): Promise<string[]> {
  return Promise.all(servers.map((server) => server.psql(sql, database)));
}

const tablesIn = (database: string) =>
  onAll(
    `SELECT string_agg(format('%s.%s', schemaname, tablename), ' ' ORDER BY 1) FROM pg_tables
     WHERE schemaname !~ '^pg_|^information_schema$'`,
    database,
  );

async function isRefused(exit: number, message: string | RegExp, ...args: string[]): Promise<void> {
  const { code, json, text } = await command('restore', timestamp, ...args);
  expect(text).toMatch(message);
  expect(code).toBe(exit);
  expect(json.error?.hint ?? json.status).toBeTypeOf('string');
}

describe('a restore', () => {
  test('with --include-table loads that table into a new database, and no other', async () => {
    const restore = await command(
      ...[
        'restore',
        timestamp,
        '--create',
        '--database',
        'chosen',
        '--include-table',
        `${BANK}.account`,
      ],
    );
    expect(restore.text).toContain('"status":"restored"');
    expect(restore.code).toBe(0);
    expect(await tablesIn('chosen')).toEqual([`${BANK}.account`, `${BANK}.account`]);
    const count = `SELECT count(*), sum(balance) FROM ${BANK}.account`;
    expect(await onAll(count, 'chosen')).toEqual(await onAll(count));
    await onAll('DROP DATABASE chosen', 'postgres');
  });

  test('of a partitioned table by the name of its root restores the root, the partitions and the rows', async () => {
    const restore = await command(
      ...[
        'restore',
        timestamp,
        '--create',
        '--database',
        'parted',
        '--include-table',
        'parts.event',
      ],
    );
    expect(restore.text).toContain('"status":"restored"');
    expect(await tablesIn('parted')).toEqual(
      Array(2).fill('parts.event parts.event_2025 parts.event_2026'),
    );
    const count =
      'SELECT count(*), min(day), max(day), (SELECT count(*) FROM parts.event_2026) FROM parts.event';
    expect(await onAll(count, 'parted')).toEqual(await onAll(count));
    await onAll('DROP DATABASE parted', 'postgres');
  });

  test('with --truncate replaces the rows of the selected table, and leaves other tables unchanged', async () => {
    await onAll(`DELETE FROM misc.note WHERE id > 10; INSERT INTO misc.note VALUES (999, 'newer');
      DELETE FROM parts.event_2025`);
    const restore = await command(
      'restore',
      timestamp,
      '--truncate',
      '--include-table',
      'misc.note',
    );
    expect(restore.text).toContain('"status":"restored"');
    expect(restore.code).toBe(0);
    expect(await onAll(`SELECT count(*), max(id), min(t) FROM misc.note`)).toEqual([
      '50|50|note 1 on 0',
      '50|50|note 1 on 1',
    ]);
    expect(await onAll('SELECT count(*) FROM parts.event_2025')).toEqual(['0', '0']);
  });

  test('of a whole set with --truncate restores every row of an existing database', async () => {
    await onAll(
      `DELETE FROM ${BANK}.transfer; DELETE FROM ${BANK}.account; DELETE FROM parts.event`,
    );
    const restore = await command('restore', timestamp, '--truncate');
    expect(restore.text).toContain('"status":"restored"');
    const counts = `SELECT (SELECT count(*) FROM ${BANK}.account), (SELECT count(*) FROM ${BANK}.transfer), count(*) FROM parts.event`;
    expect(await onAll(counts)).toEqual(Array(2).fill('1000|10|400'));
  });

  test('is refused without any change when it would overwrite data or its options contradict each other', async () => {
    const before = await onAll(`SELECT count(*), max(id) FROM misc.note`);
    await isRefused(4, /already exists on content \d .*use --truncate to empty and load it/);
    await isRefused(
      4,
      /database absent does not exist on content \d .*Use --create to create it/,
      '--database',
      'absent',
    );
    await isRefused(
      4,
      /database shop already exists on content \d .*--create needs a new one/,
      '--create',
    );
    await isRefused(2, /use --create or --truncate, not both/, '--create', '--truncate');
    await isRefused(
      4,
      /misc\.nota/,
      '--create',
      '--database',
      'absent',
      '--include-table',
      'misc.nota',
    );
    await isRefused(2, /--include-table.*is not a pattern/, '--create', '--include-table', 'a"b');
    expect(await databasesOf(servers[0] as TestServer)).toEqual([DATABASE]);
    expect(await onAll(`SELECT count(*), max(id) FROM misc.note`)).toEqual(before);
  });

  test('does not truncate a table that a table outside the selection refers to', async () => {
    const args = ['restore', timestamp, '--truncate', '--include-table', `${BANK}.account`];
    const { code, text } = await command(...args);
    expect([3, 4]).toContain(code);
    expect(text).toContain('has a foreign key to a table that would be truncated');
    expect(await onAll(`SELECT count(*) FROM ${BANK}.account`)).toEqual(['1000', '1000']);
  });

  test('of an unknown set fails with set/not-found', async () => {
    const { code, json } = await command('restore', '20200101000000', '--create');
    expect(json.error.code).toBe('set/not-found');
    expect(code).toBe(4);
  });
});

describe('a backup', () => {
  test('holds only the selected tables, and is refused when an --include-table matches none', async () => {
    const alone = await command(
      'backup',
      '--include-schema',
      'parts',
      '--exclude-table',
      'parts.event_2025',
    );
    expect(alone.code).toBe(0);
    const { json } = await command('show', alone.json.timestamp);
    expect(json.manifest.relations.map(({ name }) => name)).toEqual(['event_2026']);
    expect(json.chosen).toBe(true);
    const shown = await command('show', timestamp);
    expect(shown.json.chosen).toBe(false);
    const list = await stowage(['list'], { config, plain: true });
    expect(list.text).toMatch(new RegExp(`${alone.json.timestamp} .* 1 \\(chosen\\) `));
    expect(list.text.match(/\(chosen\)/g)).toHaveLength(1);
    const into = ['--create', '--redirect-db', 'alone'];
    const restored = await command('restore', alone.json.timestamp, ...into);
    expect(restored.json).toMatchObject({ status: 'restored', objects: { missing: 0 } });
    expect(restored.json.leftEmpty).toContainEqual({ schema: 'parts', name: 'event_2025' });
    const said = restored.stderrEvents.findIndex(({ event }) => event === 'left-empty');
    expect(restored.stderrEvents[said]?.['names']).toEqual(restored.json.leftEmpty);
    expect(said).toBeLessThan(restored.stderrEvents.findIndex(({ event }) => event === 'request'));
    const typo = await command(
      'backup',
      '--include-table',
      'misc.note',
      '--include-table',
      'misc.nota',
    );
    expect(typo.json.error.message).toMatch(/misc\.nota$/);
    expect(typo.code).toBe(2);
  });
});
