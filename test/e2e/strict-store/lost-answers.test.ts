import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { SHIPPER } from '../../support/programs/programs.ts';
import type { SeenRequest } from '../../support/servers/faulty-proxy.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';

const env = { AWS_ACCESS_KEY_ID: 'operator', AWS_SECRET_ACCESS_KEY: 'secret' };

let strict: StrictS3;
let server: TestServer;
let [folder, config] = ['', ''];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strict-'));
  [strict, server] = await Promise.all([startStrictS3(), startPostgres({ databases: [DATABASE] })]);
  // One pack of several parts, and one of a single PUT.
  await server.psql(
    `CREATE TABLE large AS SELECT n AS id, md5(n::text) || md5((-n)::text) AS text
       FROM generate_series(1, 200000) n;
     CREATE TABLE small AS SELECT 1 AS id`,
    DATABASE,
  );
  const command = ['env', 'AWS_ACCESS_KEY_ID=shipper', process.execPath, SHIPPER];
  config = await configFor(
    { folder, storage: { endpoint: strict.endpoint } },
    [server],
    `${strict.root}/shop`,
    { functions: 'inline', shippers: { workers: 2, command } },
  );
});
afterAll(async () => {
  await Promise.all([server?.stop(), strict?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

/** The first PUT of each key by a shipper, and its first completion of each upload. */
function firstWrites(): (seen: SeenRequest) => boolean {
  const before = new Set<string>();
  return ({ method, url, headers }) => {
    if (headers.authorization?.includes('Credential=shipper/') !== true) return false;
    const isCompletion = method === 'POST' && url.includes('uploadId=');
    const isPut = method === 'PUT' && !url.includes('partNumber=');
    if ((!isCompletion && !isPut) || before.has(url)) return false;
    before.add(url);
    return true;
  };
}

test('a backup and a restore succeed when shippers cannot read what they wrote, every first answer to a write of theirs is lost, and the bucket demands digests', async () => {
  Object.assign(strict.rules, {
    writeOnlyKeys: new Set(['shipper']),
    completedAgain: 'NoSuchUpload',
    digest: 'any',
  });
  strict.loseAnswers({ when: firstWrites(), times: Number.POSITIVE_INFINITY });
  const backup = await stowage(['backup'], { config, env });
  expect(failureOf(backup)).toBeUndefined();
  expect(backup.json.status).toBe('complete');
  const { timestamp } = backup.json;
  const verify = await stowage(['verify', timestamp], { config, env });
  expect(failureOf(verify)).toBeUndefined();
  const completions = strict.seen.filter(
    ({ method, url }) => method === 'POST' && url.includes('uploadId='),
  );
  expect(completions.length).toBeGreaterThanOrEqual(2);

  strict.rules.readableToAll = /\/(orders|data|metadata)\//;
  const args = ['restore', timestamp, '--create', '--database', 'again'];
  const restore = await stowage(args, { config, env });
  expect(failureOf(restore)).toBeUndefined();
  const receipts = strict.seen.filter(({ url }) => /restores\/.*\/receipts\/.*json/.test(url));
  expect(receipts.filter(({ method }) => method === 'PUT').length).toBeGreaterThanOrEqual(6);
  expect(await server.psql('SELECT count(*), sum(id) FROM large', 'again')).toBe(
    await server.psql('SELECT count(*), sum(id) FROM large', DATABASE),
  );
});

test('the next backup carries the rows, also when the answers to the writes of the copies of its base are lost', async () => {
  const isBase = ({ method, url }: SeenRequest) => method === 'PUT' && /\/base\/0\.json/.test(url);
  let lost = 0;
  strict.loseAnswers({ when: (seen) => isBase(seen) && lost++ === 0, times: 1 });
  await server.psql('UPDATE small SET id = 2', DATABASE);
  const backup = await stowage(['backup'], { config, env });
  expect(failureOf(backup)).toBeUndefined();
  expect(backup.stderrEvents.filter(({ event }) => event === 'base-unused')).toEqual([]);
  expect(strict.seen.filter(isBase).length).toBeGreaterThanOrEqual(2);
  expect(backup.json.carriedBytes).toBeGreaterThan(0.9 * backup.json.bytes);
  const verify = await stowage(['verify', backup.json.timestamp], { config, env });
  expect(verify.json).toMatchObject({ status: 'complete', problems: [] });
});
