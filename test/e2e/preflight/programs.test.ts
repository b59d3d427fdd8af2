import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseKey } from '../../../backup-set/base/keys.ts';
import { stowage } from '../../support/cli.ts';
import { startAgent } from '../../support/e2e/agents.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

// The programs that dump definitions, on this host, on the host of a shipper and on an agent's.
const SHIPPER = fileURLToPath(new URL('../../../segment-shipper/main.ts', import.meta.url));

let place: Place;
let server: TestServer;
/** A folder without programs, and one with programs of an older PostgreSQL. */
let [empty, old] = ['', ''];

beforeAll(async () => {
  place = await directoryPlace();
  server = await startPostgres({ databases: [DATABASE] });
  await server.psql('CREATE TABLE t AS SELECT 1 AS a', DATABASE);
  [empty, old] = [join(place.folder, 'empty'), join(place.folder, 'old')];
  await mkdir(empty);
  await mkdir(old);
  for (const name of ['pg_dump', 'pg_dumpall']) {
    await writeFile(join(old, name), `#!/bin/sh\necho "${name} (PostgreSQL) 11.22"\n`);
    await chmod(join(old, name), 0o755);
  }
});
afterAll(async () => {
  await server?.stop();
  await place?.stop();
});

async function backUp(root: string, binDir: string, shippers: Record<string, unknown> = {}) {
  const connection = { user: server.user, binDir };
  return stowage(['backup'], {
    config: await configFor(place, [server], root, { connection, shippers }),
  });
}

const keysOf = async (root: string) =>
  (await Array.fromAsync((await place.open(root)).list(''))).map(({ key }) => key);

test.each([
  ['that lacks pg_dump', () => empty, /the program pg_dump was not found in .*empty/],
  [
    'whose pg_dump is older than the server',
    () => old,
    /old\/pg_dump is version 11\.22, but 127\.0\.0\.1:\d+ is PostgreSQL/,
  ],
])('a backup on a host %s is refused before it stores anything', async (_, binDir, words) => {
  const command = [process.execPath, SHIPPER];
  for (const shippers of [{}, { command }]) {
    const root = place.newRoot();
    const { code, json } = await backUp(root, binDir(), shippers);
    expect(json.error).toMatchObject({
      code: 'database/tool',
      message: expect.stringMatching(words),
      where: { content: 0 },
    });
    expect(code).toBe(6);
    expect(await keysOf(root)).toEqual([]);
  }
});

test('an agent on a host without pg_dump fails its order before it stores rows', async () => {
  const root = place.newRoot();
  const more = { connection: { user: server.user, binDir: empty } };
  const agent = await startAgent({ place, root, name: 'a', serves: new Map([[0, server]]), more });
  try {
    const { code, json } = await backUp(root, empty, { start: 'agents' });
    expect(json.problems[0]).toMatchObject({
      content: 0,
      message: expect.stringContaining('the program pg_dump was not found'),
    });
    expect(code).toBe(3);
    expect((await keysOf(root)).filter((key) => parseKey(key)?.kind === 'pack')).toEqual([]);
  } finally {
    agent.kill('SIGKILL');
    await agent.ended;
  }
});
