import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, stowage } from '../support/cli.ts';
import { BANK } from '../support/e2e/bank.ts';
import { configFor, DATABASE, databasesOf } from '../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { choicesSql } from './choices-data.ts';

let place: Place;
let servers: TestServer[];
let [root, config, timestamp] = ['', '', ''];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const [content, server] of servers.entries())
    await server.psql(choicesSql(content), DATABASE);
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

async function isRefused(exit: number, says: string | RegExp, ...args: string[]): Promise<void> {
  const { code, json, text } = await command('restore', timestamp, ...args);
  expect(text).toMatch(says);
  expect(code).toBe(exit);
  expect(json.error?.hint ?? json.status).toBeTypeOf('string');
}

describe('restoring', () => {
  test('a chosen table into a new database brings it and nothing else', async () => {
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

  test('a partitioned table by its root’s name brings root, partitions and rows', async () => {
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

  test('--truncate empties and loads the chosen table, and leaves the others alone', async () => {
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

  test('a whole set over an existing database with --truncate brings back every row', async () => {
    await onAll(
      `DELETE FROM ${BANK}.transfer; DELETE FROM ${BANK}.account; DELETE FROM parts.event`,
    );
    const restore = await command('restore', timestamp, '--truncate');
    expect(restore.text).toContain('"status":"restored"');
    const counts = `SELECT (SELECT count(*) FROM ${BANK}.account), (SELECT count(*) FROM ${BANK}.transfer), count(*) FROM parts.event`;
    expect(await onAll(counts)).toEqual(Array(2).fill('1000|10|400'));
  });

  test('is refused, with nothing changed, where it would overwrite or make no sense', async () => {
    const before = await onAll(`SELECT count(*), max(id) FROM misc.note`);
    await isRefused(4, /already exists on content .*use --truncate to empty and load it/);
    await isRefused(4, /does not exist on content .*Use --create to create it/, '--database', 'absent');
    await isRefused(4, /database shop already exists on content .*--create needs a new one/, '--create');
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

  test('does not empty a table that another one, not chosen, refers to', async () => {
    const args = ['restore', timestamp, '--truncate', '--include-table', `${BANK}.account`];
    const { code, text } = await command(...args);
    expect([3, 4]).toContain(code);
    expect(text).toContain('refers to one that would be emptied');
    expect(await onAll(`SELECT count(*) FROM ${BANK}.account`)).toEqual(['1000', '1000']);
  });

  test('an unknown set is not found', async () => {
    const { code, json } = await command('restore', '20200101000000', '--create');
    expect(json.error.code).toBe('set/not-found');
    expect(code).toBe(4);
  });
});

describe('backing up', () => {
  test('only what is chosen; an include that chooses nothing is refused', async () => {
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

describe('deleting', () => {
  test('without --yes removes nothing; with it, this set and no other', async () => {
    const { json: second } = await command('backup', '--include-schema', 'misc');
    const listed = async () => (await command('list')).json.sets.map((set) => set.timestamp);
    const before = await listed();
    expect(before).toContain(second.timestamp);

    const dry = await command('delete', second.timestamp);
    expect(dry).toMatchObject({ code: 0, json: { removed: false } });
    expect(await listed()).toEqual(before);
    expect((await command('validate', second.timestamp)).code).toBe(0);

    expect(await command('delete', second.timestamp, '--yes')).toMatchObject({
      code: 0,
      json: { removed: true },
    });
    expect(await listed()).toEqual(before.filter((set) => set !== second.timestamp));
    expect((await command('verify', timestamp)).json).toMatchObject({
      status: 'complete',
      problems: [],
    });
    expect((await command('delete', second.timestamp, '--yes')).code).toBe(4);
  });
});

describe('configuring', () => {
  test('config shows every value with its source: flag > environment > file > default', async () => {
    const other = place.newRoot();
    const env = { STOWAGE_WORKERS: '7', PGDATABASE: 'from_env' };
    const { json, code } = await stowage(['config', '--root', other], { config, env });
    expect(code).toBe(0);
    const of = (field: string) => json.fields.find((found) => found.field === field);
    expect(of('root')).toMatchObject({ value: other, source: 'flag', name: '--root' });
    expect(of('shippers.workers')).toMatchObject({
      value: 7,
      source: 'environment',
      name: 'STOWAGE_WORKERS',
    });
    expect(of('database')).toMatchObject({
      value: 'from_env',
      source: 'environment',
      name: 'PGDATABASE',
    });
    expect(of('cluster')).toMatchObject({ value: 'e2e', source: 'file', name: config });
    expect(of('backup.zstdLevel')).toMatchObject({ value: 1, source: 'default' });
  });

  test.each([
    [
      'segments[1].port',
      {
        segments: [
          { content: 0, host: 'a' },
          { content: 1, host: 'b', port: 'x' },
        ],
      },
    ],
    ['backup.zstdLevel', { backup: { zstdLevel: 99 } }],
    ['storage', { storage: { endpiont: 'http://x' } }],
    ['root', { root: 'ftp://nowhere' }],
    ['backup.includeTables[0]', { backup: { includeTables: ['a"b'] } }],
    [
      'segments',
      {
        segments: [
          { content: 0, host: 'a' },
          { content: 0, host: 'b' },
        ],
      },
    ],
  ])('a mistake in %s is named with its field and file', async (field, mistake) => {
    const wrong = await configFor(place, servers, root, mistake);
    const { code, json } = await stowage(['list'], { config: wrong });
    expect(json.error).toMatchObject({ code: 'config/invalid', where: { field } });
    expect(json.error.message).toContain(wrong);
    expect(code).toBe(2);
  });

  test('a misspelt field and a missing file are told apart', async () => {
    const unknown = await stowage(['list'], {
      config: await configFor(place, servers, root, { rooot: 'x' }),
    });
    expect(unknown.json.error).toMatchObject({ code: 'config/invalid' });
    const gone = await configFor(place, servers, root);
    await rm(gone);
    const missing = await stowage(['list'], { config: gone });
    expect(missing.json.error).toMatchObject({ code: 'config/missing' });
    expect(unknown.json.error.message).toContain('rooot');
    expect(missing.json.error.message).toContain(gone);
    expect([unknown.code, missing.code]).toEqual([2, 2]);
  });

  test.each([
    [['list', '--frobnicate']],
    [['frobnicate']],
    [['show']],
    [['show', 'yesterday']],
    [['show', '20260231000000']],
    [['backup', '--workers', 'many']],
    [['backup', '--workers', '0']],
    [['backup', '--functions', 'nobody']],
    [['copy', '20260101000000']],
  ])('%j is answered with exit code 2 and a document that says why', async (args) => {
    const { code, json } = await command(...args);
    expect(json.error.code).toMatch(/^(usage|config)\//);
    expect(json.error.message).not.toBe('');
    expect(code).toBe(2);
  });

  test('a server that does not answer is exit code 6, naming the segment', async () => {
    const port = servers[0]?.port;
    const segments = [
      { content: 0, host: '127.0.0.1', port },
      { content: 1, host: '127.0.0.1', port: 1 },
    ];
    const { code, json } = await stowage(['backup'], {
      config: await configFor(place, servers, place.newRoot(), { segments }),
    });
    expect(json.error).toMatchObject({ code: 'database/unreachable', where: { content: 1 } });
    expect(json.error.message).toContain('127.0.0.1:1');
    expect(code).toBe(6);
  });
});
