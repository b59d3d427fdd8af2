import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decode, encode } from '../../../backup-set/base/document.ts';
import { formatKey, parseKey } from '../../../backup-set/base/keys.ts';
import { RestorePlan, RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { type CliResult, stowage } from '../../support/cli.ts';
import { type RunningAgent, startAgent } from '../../support/e2e/agents.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { type TestKeys, testKeys } from '../../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { type Change, runFunctions, shortened } from '../../support/signed/attacked-functions.ts';

/** Plan and orders of a restore lie in the bucket: a program that writes there changes them. */
let place: Place;
let servers: TestServer[];
let keys: TestKeys;
let agentKeys: TestKeys;
let agents: RunningAgent[] = [];
let [root, timestamp] = ['', ''];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const server of servers)
    await server.psql(
      'CREATE TABLE facts AS SELECT g AS id FROM generate_series(1, 5000) g',
      DATABASE,
    );
  keys = await testKeys(place.folder);
  agentKeys = await testKeys(place.folder);
  root = place.newRoot();
  const config = await configFor(place, servers, root, { encryption: keys.section(false) });
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
  agents = await Promise.all(
    servers.map((server, content) =>
      startAgent({
        ...{ place, root, name: `agent${content}`, serves: new Map([[content, server]]) },
        more: { encryption: { identityFile: agentKeys.identityFile } },
      }),
    ),
  );
});
afterAll(async () => {
  for (const agent of agents) agent.kill('SIGKILL');
  await Promise.all(agents.map(({ ended }) => ended));
  await stopAll(servers);
  await place?.stop();
});

/** Restores while the functions of the root write what the attacker makes of their documents. */
async function restored(
  start: 'process' | 'agents',
  database: string,
  change: Change,
): Promise<CliResult> {
  const agentsOf = { agents: { '0': agentKeys.recipient, '1': agentKeys.recipient } };
  const config = await configFor(place, servers, root, {
    functions: 'events',
    shippers: { workers: 2, start },
    encryption: { ...keys.section(), ...(start === 'agents' && agentsOf) },
  });
  const store = await place.open(root);
  const over = new AbortController();
  const functions = runFunctions(store, change, over.signal);
  try {
    const flags = ['--create', '--database', database, '--no-count', '--no-objects'];
    return await stowage(['restore', timestamp, ...flags], { config });
  } finally {
    over.abort();
    await functions;
    await store.close();
  }
}

const rowsIn = (database: string) =>
  Promise.all(servers.map((server) => server.psql('SELECT count(*) FROM facts', database)));

describe.each(['process', 'agents'] as const)('a restore of an encrypted set by %s', (start) => {
  test('loads the set when the documents of the restore are as the functions make them', async () => {
    const made = await restored(start, `whole_${start}`, (_, bytes) => bytes);
    expect(made.json.status, made.text).toBe('restored');
    expect(await rowsIn(`whole_${start}`)).toEqual(['5000', '5000']);
  });

  test('is refused by a server whose order was changed, before it makes a database', async () => {
    const made = await restored(start, `schema_${start}`, shortened('pre-data'));
    expect(made.code).not.toBe(0);
    expect(JSON.stringify(made.json), made.text).toContain('restore/order');
    expect(await databasesOf(servers[1] as TestServer)).not.toContain(`schema_${start}`);
  });

  test('fails when an order to load rows was changed, and says so', async () => {
    const made = await restored(start, `data_${start}`, shortened('data'));
    expect(made.json.status, made.text).toBe('failed');
    expect(JSON.stringify(made.json.problems)).toContain('restore/order');
    expect(JSON.stringify(made.json.problems)).toContain(
      'is not the order that this restore makes',
    );
  });

  test('is refused when its plan was changed, so that a phase is left out', async () => {
    const made = await restored(start, `plan_${start}`, (key, bytes) => {
      if (parseKey(key)?.kind !== 'restore-plan') return bytes;
      const plan = decode(RestorePlan, { key, bytes });
      const phases = plan.phases.filter((phase) => phase !== 'data');
      return encode(RestorePlan, { ...plan, phases });
    });
    expect(made.json.status, made.text).toBe('refused');
    expect(made.json.problems).toMatchObject([{ code: 'not-proven' }]);
    // Agents may carry out an order before the command has read the plan: each order is proven.
    if (start === 'process')
      expect(await databasesOf(servers[1] as TestServer)).not.toContain(`plan_${start}`);
  });
});

/** A restore that has failed in its data phase: its id, and how to resume it. */
async function failedRestore(database: string) {
  const { stderrEvents } = await restored('process', database, shortened('data'));
  const id = String(stderrEvents.find(({ event }) => event === 'request')?.['id']);
  const config = await configFor(place, servers, root, { encryption: keys.section() });
  return { id, resume: () => stowage(['restore', '--resume', id], { config }) };
}

test('a restore of an encrypted set is not resumed with a request that was changed', async () => {
  const { id, resume } = await failedRestore('resumed');
  const key = formatKey({ kind: 'restore-request', restore: id });
  const file = fileURLToPath(`${root}/${key}`);
  const bytes = await readFile(file);
  const asked = decode(RestoreRequest, { key, bytes });
  await writeFile(file, encode(RestoreRequest, { ...asked, noOwner: true }));
  const changed = await resume();
  expect(changed.json.error, changed.text).toMatchObject({ code: 'restore/refused' });
  expect(changed.text).toContain('its mac differs');
  await writeFile(file, bytes);
  const resumed = await resume();
  expect(resumed.json.status, resumed.text).toBe('restored');
  expect(await rowsIn('resumed')).toEqual(['5000', '5000']);
});

test('a restore is not resumed with another set than the one that its mark names', async () => {
  const { resume } = await failedRestore('marked');
  const [server] = servers as [TestServer];
  const schema = 'stowage_unfinished_restore';
  const said = `SELECT obj_description('${schema}'::regnamespace, 'pg_namespace')`;
  const mark = JSON.parse(await server.psql(said, 'marked'));
  const other = JSON.stringify({ ...mark, set: '20200101000000' });
  await server.psql(`COMMENT ON SCHEMA ${schema} IS '${other}'`, 'marked');
  const refused = await resume();
  expect(refused.json.error, refused.text).toMatchObject({ code: 'restore/refused' });
  expect(refused.text).toContain('another program has changed the request');
});
