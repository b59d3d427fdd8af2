import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, stowage } from '../support/cli.ts';
import { configFor, DATABASE } from '../support/e2e/cluster.ts';
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

describe('stowage delete', () => {
  test('removes nothing without --yes, and with it only the given set', async () => {
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

describe('the name of a set', () => {
  test('is latest, the first digits of a timestamp, or the timestamp', async () => {
    const [digits, unused] = [timestamp.slice(0, 8), place.newRoot()];
    const of = async (...args: string[]) => (await command('show', ...args)).json.timestamp;
    expect([await of('latest'), await of(digits), await of(timestamp)]).toEqual([
      timestamp,
      timestamp,
      timestamp,
    ]);
    const empty = await stowage(['show', 'latest', '--root', unused], { config });
    expect(empty).toMatchObject({ code: 4, json: { error: { code: 'set/not-found' } } });
    expect((await command('show', '1999')).json.error.message).toContain('begins with 1999');
  });

  test('latest passes over a newer incomplete set and says so, and --before over newer sets', async () => {
    const { json: second } = await command('backup', '--include-schema', 'misc');
    const plan = join(fileURLToPath(root), 'sets', second.timestamp.slice(0, 8), second.timestamp);
    const newest = await command('show', 'latest');
    expect(newest.json.timestamp).toBe(second.timestamp);
    const before = second.timestamp;
    const older = await command(
      'restore',
      'latest',
      '--before',
      before,
      '--create',
      '--redirect-db',
      'older',
    );
    expect(older).toMatchObject({ code: 0, json: { timestamp } });

    await rm(join(plan, 'manifest.json'));
    const passed = await command('show', 'latest');
    expect(passed.json.timestamp).toBe(timestamp);
    const skipped = [{ timestamp: second.timestamp, status: 'damaged' }];
    expect(passed.stderrEvents).toContainEqual(expect.objectContaining({ event: 'set', skipped }));
    const ambiguous = await command('show', timestamp.slice(0, 4));
    expect(ambiguous).toMatchObject({ code: 2, json: { error: { code: 'usage/flag' } } });
    expect(ambiguous.json.error.message).toContain(second.timestamp);
    await rm(plan, { recursive: true });
  });
});

describe('the command line', () => {
  test('shows the source of every configuration value: flag, environment, file or default', async () => {
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
  ])('names the field and the file of an invalid %s', async (field, mistake) => {
    const wrong = await configFor(place, servers, root, mistake);
    const { code, json } = await stowage(['list'], { config: wrong });
    expect(json.error).toMatchObject({ code: 'config/invalid', where: { field } });
    expect(json.error.message).toContain(wrong);
    expect(code).toBe(2);
  });

  test('reports an unknown field and a missing file by different error codes', async () => {
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
  ])('rejects %j with exit code 2 and an error document', async (args) => {
    const { code, json } = await command(...args);
    expect(json.error.code).toMatch(/^(usage|config)\//);
    expect(json.error.message).not.toBe('');
    expect(code).toBe(2);
  });

  test('exits with code 6 and names the segment when a server is unreachable', async () => {
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
