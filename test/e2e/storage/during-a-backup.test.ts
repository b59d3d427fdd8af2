import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type CliResult, failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import type { SeenRequest } from '../../support/servers/faulty-proxy.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { type KeyFile, keyFile, keysSeen } from '../../support/servers/strict-s3/key-file.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';
import { bigTable } from '../../support/trouble/trouble.ts';

let servers: TestServer[];
let s3: StrictS3;
let keys: KeyFile;

beforeAll(async () => {
  s3 = await startStrictS3();
  keys = await keyFile(s3);
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const [content, server] of servers.entries())
    for (const sql of bigTable(12, content)) await server.psql(sql, DATABASE);
});
afterAll(async () => {
  await stopAll(servers);
  await s3?.stop();
  await keys?.remove();
});

beforeEach(() => s3.reset());

async function backUp(storage: Readonly<Record<string, unknown>> = {}): Promise<CliResult> {
  const place = { folder: `${keys.path}.configs`, storage: { endpoint: s3.endpoint, ...storage } };
  const config = await configFor(place, servers, `${s3.root}/backups`, { functions: 'inline' });
  return stowage(['backup'], { config, env: keys.env });
}

const isPack = ({ method, url }: SeenRequest) => method === 'PUT' && url.includes('.pack');

test('a backup whose keys are replaced and revoked while it uploads is complete', async () => {
  keys.rotate('OLD');
  s3.refuse('InvalidAccessKeyId', {
    when: (seen) => {
      // Packs are under way, and nothing of them is stored yet.
      if (isPack(seen) && s3.rules.accessKeys?.has('OLD') === true) keys.rotate('NEW');
      return false;
    },
  });
  const result = await backUp();
  expect(failureOf(result)).toBeUndefined();
  expect(result.json).toMatchObject({ status: 'complete', failures: [] });
  const used = keysSeen(s3);
  expect(used.slice(used.indexOf('NEW')).length).toBeGreaterThan(10);
  expect(used.at(-1)).toBe('NEW');
});

test('a backup is complete after a storm of refusals that no number of attempts would outlast, and reports it', async () => {
  keys.rotate('KEY');
  s3.refuse('SlowDown', { times: 8, when: isPack });
  const result = await backUp({ attemptsMax: 3 });
  expect(failureOf(result)).toBeUndefined();
  expect(result.json).toMatchObject({ status: 'complete', storage: { throttled: 8 } });
  expect(result.json.storage?.throttledMs).toBeGreaterThan(0);
  const [said] = result.stderrEvents.filter(({ event }) => event === 'storage');
  expect(said).toMatchObject({ storage: { throttled: 8 } });
});
