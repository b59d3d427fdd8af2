import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

const SQL = (content: number) => `
CREATE TABLE orders (id serial PRIMARY KEY, v text NOT NULL);
INSERT INTO orders (v) SELECT 'order ' || i || ' of ${content}' FROM generate_series(1, ${100 * (content + 1)}) i;
CREATE INDEX orders_v ON orders (v);
SELECT lo_from_bytea(${4200 + content}, 'of ${content}');`;
const DIGEST = `SELECT count(*), sum(hashtextextended(t::text, 0)), (SELECT last_value FROM orders_id_seq),
  (SELECT count(*) FROM pg_index WHERE indrelid = 'orders'::regclass), (SELECT string_agg(loid::text, ',') FROM pg_largeobject) FROM orders t`;

let place: Place;
let kept: TestServer;
let lost: TestServer;
let replacement: TestServer;
let [config, timestamp, digestOfLost, root] = ['', '', '', ''];

beforeAll(async () => {
  place = await directoryPlace();
  const servers = await startCluster(3);
  const [first, second, third] = servers;
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('no server');
  [kept, lost, replacement] = [first, second, third];
  for (const [content, server] of [kept, lost].entries()) {
    await server.psql(`CREATE DATABASE ${DATABASE}`);
    await server.psql(SQL(content), DATABASE);
  }
  root = place.newRoot();
  const whole = await configFor(place, [kept, lost], root);
  timestamp = (await stowage(['backup'], { config: whole })).json.timestamp;
  digestOfLost = await lost.psql(DIGEST, DATABASE);
  await lost.stop();
  // The same contents, with the new server in the place of the lost one.
  config = await configFor(place, [kept, replacement], root);
});
afterAll(async () => {
  await stopAll([kept, lost, replacement].filter((server) => server !== undefined));
  await place?.stop();
});

const restore = (...args: string[]) => stowage(['restore', timestamp, ...args], { config });

describe('a restore of the content of a lost shard', () => {
  test('fills a new server, and neither changes nor connects to the server of the other content', async () => {
    await kept.psql(`INSERT INTO orders (v) VALUES ('later')`, DATABASE);
    const before = await kept.psql(DIGEST, DATABASE);
    const sessions = () => kept.psql('SELECT sum(sessions) FROM pg_stat_database');
    const sessionsBefore = await sessions();
    const result = await restore('--create', '--content', '1');
    expect(failureOf(result)).toBeUndefined();
    expect(result.json).toMatchObject({ status: 'restored', contents: [1], otherContents: [0] });
    expect(result.json).toMatchObject({ totals: { contents: 1, relations: 1, rows: 200 } });
    expect(await replacement.psql(DIGEST, DATABASE)).toBe(digestOfLost);
    expect(await kept.psql(DIGEST, DATABASE)).toBe(before);
    // Those of this test: the digest above, and the two that read the number.
    expect(Number(await sessions()) - Number(sessionsBefore)).toBeLessThanOrEqual(2);
  });

  test('works while the server of the other content is down, also to resume and to start again', async () => {
    await replacement.psql(`DROP DATABASE ${DATABASE}`);
    const down = await configFor(place, [lost, replacement], root);
    const run = (...args: string[]) => stowage(['restore', ...args], { config: down, plain: true });
    // Its name is taken, so that the index cannot be made after the rows were loaded.
    await replacement.psql(`CREATE DATABASE ${DATABASE}`);
    await replacement.psql('CREATE SEQUENCE orders_v', DATABASE);
    const failed = await run(timestamp, '--content', '1');
    expect(failed.code).toBe(3);
    expect(failed.text).toContain('content 1: INDEX public.orders_v');
    const id = /--resume (\S+?)`/.exec(failed.text)?.[1] ?? '';
    await replacement.psql('DROP SEQUENCE orders_v', DATABASE);
    const resumed = await run('--resume', id);
    expect(failureOf(resumed)).toBeUndefined();
    expect(resumed.text).toMatch(
      /restored only content 1, as of 20\S+Z; content 0 of the set was not restored\. Where the cluster is in use/,
    );
    expect(await replacement.psql(DIGEST, DATABASE)).toBe(digestOfLost);
    expect(await databasesOf(replacement)).toEqual([DATABASE]);
  });

  test.each([
    [['--content', '7'], 2, 'the configuration has no segment with content 7'],
    [['--content', 'one'], 2, '--content takes ids of contents'],
  ])('is refused with %j, and says why', async (flags, code, message) => {
    const result = await restore('--create', ...flags);
    expect(result.code).toBe(code);
    expect(result.json.error.message).toContain(message);
  });

  test('is refused when the set has no such content, and names the contents that it has', async () => {
    const wider = await configFor(place, [kept, lost, replacement], root);
    const result = await stowage(['restore', timestamp, '--create', '--content', '1,2'], {
      config: wider,
    });
    expect(result.code).toBe(4);
    expect(result.json.error).toMatchObject({
      code: 'restore/refused',
      where: { set: timestamp, content: 2 },
    });
    expect(result.json.error.message).toContain('has no content 2: it has 2 contents, 0, 1');
  });
});
