import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

let place: Place;
let servers: TestServer[];
let [first, second, third] = ['', '', ''];
/** Three configurations of one root: removal after a day, at once, and without rules. */
let [patient, prompt, none] = ['', '', ''];

/** The second and third set carry most rows from the first. */
beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(1, { databases: [DATABASE] });
  await servers[0]?.psql(
    `CREATE TABLE kept AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, 20000) g;
     CREATE TABLE changed AS SELECT g AS id FROM generate_series(1, 3000) g`,
    DATABASE,
  );
  const root = place.newRoot();
  const write = (more: Readonly<Record<string, unknown>>) => configFor(place, servers, root, more);
  none = await write({});
  patient = await write({ retention: { keepLast: 1 } });
  prompt = await write({ retention: { keepLast: 1, graceHours: 0, everyHours: 1000 } });
  const backUp = async (...flags: string[]) =>
    (await stowage(['backup', ...flags], { config: none })).json.timestamp;
  first = await backUp('--tag', 'nightly', '--tag', 'full');
  await servers[0]?.psql('UPDATE changed SET id = -id', DATABASE);
  second = await backUp('--tag', 'nightly');
  await servers[0]?.psql('UPDATE changed SET id = id + 1', DATABASE);
  third = await backUp();
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

const command = (...args: string[]): Promise<CliResult> => stowage(args, { config: patient });
const listed = async (...flags: string[]) =>
  (await command('list', ...flags)).json.sets.map((set: { timestamp: string }) => set.timestamp);

test('a backup has the tags that it was given, and list selects by them', async () => {
  expect(await listed('--tag', 'nightly')).toEqual([second, first]);
  expect(await listed('--tag', 'nightly', '--tag', 'full')).toEqual([first]);
  expect((await command('show', first)).json.manifest.tags).toEqual(['full', 'nightly']);
});

test('expire needs rules, and without --yes it names the rule that keeps each set, and changes nothing', async () => {
  expect((await stowage(['expire'], { config: none })).json.error.code).toBe('config/missing');
  const { json } = await command('expire');
  expect(json).toMatchObject({
    done: false,
    sets: [
      { timestamp: third, keptBy: ['newest complete set', 'keepLast'] },
      { timestamp: second, keptBy: [], why: 'no rule keeps it' },
      { timestamp: first, keptBy: [], why: 'no rule keeps it' },
    ],
    freed: [
      { timestamp: first, neededBy: [third] },
      { timestamp: second, packsKept: 0 },
    ],
  });
  expect(json.freed[0]?.packsKept).toBeGreaterThan(0);
  expect(await listed()).toEqual([third, second, first]);
});

describe('a set that has expired', () => {
  test('is hidden and cannot be used, and a held set does not expire', async () => {
    await command('hold', first, '--why', 'audit of 2026');
    expect((await command('expire', '--yes')).json).toMatchObject({ expired: [second] });
    expect(await listed()).toEqual([third, first]);
    expect(await listed('--all')).toEqual([third, second, first]);
    expect((await command('show', first)).json.retention).toMatchObject({ held: 'audit of 2026' });
    expect((await command('show', second)).json.retention).toMatchObject({ state: 'expired' });
    for (const use of [
      ['restore', second, '--create', '--database', 'never'],
      ['copy', second, '--to', place.newRoot()],
    ]) {
      const { json, code } = await command(...use);
      expect(json.error, use[0]).toMatchObject({ code: 'set/expired' });
      expect(json.error.hint).toContain('stowage unexpire');
      expect(code).toBe(4);
    }
  });

  test('lives again after unexpire, and is held until it is released', async () => {
    expect((await command('unexpire', second)).json).toMatchObject({ unexpired: true });
    expect((await command('expire')).json.sets[1]?.keptBy).toEqual(['held: unexpired']);
    for (const set of [first, second])
      expect((await command('release', set)).json).toMatchObject({ released: true });
  });

  test('is removed after its grace, except the packs that another set needs', async () => {
    const { json } = await stowage(['sweep'], { config: prompt });
    expect(json.expiry).toMatchObject({ expired: [second, first], kept: 1 });
    expect(await listed('--all')).toEqual([third]);
    expect((await command('verify', third)).json).toMatchObject({ status: 'complete' });
    expect((await stowage(['sweep'], { config: prompt })).json.expiry).toBeUndefined();
    expect((await command('unexpire', first)).json.error.code).toBe('set/expired');
  });
});

test('delete refuses the only complete set, and with --force it says what it breaks', async () => {
  const refused = await command('delete', third, '--yes');
  expect(refused.json.error).toMatchObject({ code: 'set/last' });
  const forced = await command('delete', third, '--yes', '--force');
  expect(forced.text).toContain(`the only complete set of database ${DATABASE}`);
  expect((await command('list')).json.sets).toEqual([]);
});
