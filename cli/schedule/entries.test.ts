import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { loadConfig } from '../config/config.ts';
import { Config } from '../config/schema.ts';
import { resultOf } from './child.ts';
import { entriesOf } from './entries.ts';

const BASE = { root: 'file:///x', database: 'd', segments: [{ content: 0, host: 'h' }] };
const configOf = (schedule: object) => Config.safeParse({ ...BASE, schedule });

test.each([
  [{ backup: {} }, ['backup']],
  [
    { backup: { full: true, tags: ['a', 'b'], databases: ['x', 'y'], through: 'coordinator' } },
    [
      'backup',
      '--full',
      '--tag',
      'a',
      '--tag',
      'b',
      '--databases',
      'x,y',
      '--through',
      'coordinator',
    ],
  ],
  [{ verify: { remote: true } }, ['verify', 'latest', '--remote']],
  [{ drill: { throwaway: true, sample: 3 } }, ['drill', '--throwaway', '--sample', '3']],
  [
    { drill: { into: 's.yaml', tables: ['a.b', 'c.d'] } },
    ['drill', '--into', 's.yaml', '--tables', 'a.b', '--tables', 'c.d'],
  ],
  [{ drill: { into: 's.yaml', all: true } }, ['drill', '--into', 's.yaml', '--all']],
  [{ expire: {} }, ['expire', '--yes']],
])('the job %j becomes the command line %j', (job, args) => {
  const { data } = configOf({ entries: { one: { at: '0 2 * * *', ...job } } });
  expect(data && entriesOf(data)[0]?.args).toEqual(args);
});

test('an entry has its own times, else those of the block', () => {
  const { data } = configOf({
    timeZone: 'Europe/Berlin',
    jitter: '10m',
    entries: {
      a: { at: '@daily', backup: {} },
      b: { at: '@daily', backup: {}, timeZone: 'UTC', jitter: 0, catchUp: '2d', timeout: '90s' },
    },
  });
  expect(data && entriesOf(data)).toMatchObject([
    { name: 'a', timeZone: 'Europe/Berlin', jitterMs: 600_000, catchUpMs: 43_200_000 },
    { name: 'b', timeZone: 'UTC', jitterMs: 0, catchUpMs: 172_800_000, timeoutMs: 90_000 },
  ]);
});

test.each([
  [{ one: { at: '0 2 * * *' } }, /exactly one of backup, verify, drill, expire/],
  [{ one: { at: '0 2 * * *', backup: {}, verify: {} } }, /exactly one of/],
  [{ one: { at: '0 25 * * *', backup: {} } }, /"0 25 \* \* \*" is not a cron expression/],
  [{ one: { at: '0 0 30 2 *', backup: {} } }, /never runs/],
  [{ One: { at: '0 2 * * *', backup: {} } }, /lower-case letters/],
  [{ one: { at: '0 2 * * *', backup: {}, jitter: 'soon' } }, /90s, 10m, 12h or 2d/],
  [{ one: { at: '0 2 * * *', drill: {} } }, /needs throwaway: true, or into: FILE/],
  [{ one: { at: '0 2 * * *', drill: { throwaway: true, sample: 1, all: true } } }, /only one of/],
  [{ one: { at: '0 2 * * *', backup: {}, timeZone: 'Mars/Base' } }, /must be a time zone/],
  [{ one: { at: '0 2 * * *', backup: { ful: true } } }, /ful/],
])('the entries %j are refused: %s', (entries, message) => {
  const { error } = configOf({ entries });
  expect(JSON.stringify(error?.issues).replaceAll('\\"', '"')).toMatch(message);
});

describe('retention in the block of the schedule', () => {
  const load = async (more: object) => {
    const folder = await mkdtemp(join(tmpdir(), 'config-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'stowage.yaml');
    await writeFile(file, stringify({ ...BASE, ...more }));
    return loadConfig({ env: {}, file, flags: {} });
  };
  test('is the retention of the configuration, with the file as its source', async () => {
    const { config, sources } = await load({ schedule: { retention: { keepDaily: 7 } } });
    expect(config.retention).toMatchObject({ keepDaily: 7, keepFailed: '7d' });
    expect(sources.get('retention.keepDaily')?.source).toBe('file');
  });
  test('is refused beside the block retention, and when a rule is wrong', async () => {
    const both = { retention: { keepDaily: 1 }, schedule: { retention: { keepDaily: 7 } } };
    await expect(load(both)).rejects.toThrow(/given twice/);
    await expect(load({ schedule: { retention: { keepDaily: 'x' } } })).rejects.toThrow(
      /retention\.keepDaily/,
    );
  });
});

test.each([
  ['{"timestamp":"20261129020000"}', '', { set: '20261129020000' }],
  [
    '{"error":{"code":"database/unreachable","message":"no"}}',
    'x',
    { code: 'database/unreachable', message: 'no' },
  ],
  [
    '{"timestamp":"20261129020000","problems":[{"code":"count-differs","message":"m"}]}',
    '',
    { set: '20261129020000', code: 'count-differs', message: 'm' },
  ],
  ['{"trunc', 'one\nlast line\n', { message: 'last line' }],
  ['', '', {}],
  ['[1]', '', {}],
])('of the output %j and %j a record keeps %j', (stdout, stderr, kept) => {
  expect(resultOf(stdout, stderr)).toEqual(kept);
});

test('the result of expiry is kept, and one that is none is not', () => {
  const summary = {
    ...{ expired: 1, removed: 0, kept: 3, locked: 0, objects: 0, bytes: 0 },
    ...{ databases: [], lines: ['kept 3 sets'], linesTotal: 1 },
  };
  expect(resultOf(JSON.stringify({ done: true, summary }), '')).toEqual({ expiry: summary });
  expect(resultOf(JSON.stringify({ summary: { expired: -1 } }), '')).toEqual({});
});
