import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decode, encode, FORMAT_VERSION } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { instantOf, timestampOf } from '../../../backup-set/base/timestamps.ts';
import { BackupOrder, BackupReport } from '../../../backup-set/documents/agents.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Outcome, RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { lockForRestore } from '../../../database/target/restore-lock.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { type CliResult, stowage } from '../../support/cli.ts';
import { type RunningAgent, startAgent } from '../../support/e2e/agents.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { type Change, runFunctions, shortened } from '../../support/signed/attacked-functions.ts';
import { testSigningKey } from '../../support/signed/signing.ts';
import { waitFor } from '../../support/wait-for.ts';

const ROWS = 'SELECT count(*), sum(id) FROM facts';
const REFUSED = 'orders/signature';

let place: Place;
let store: ObjectStore;
let server: TestServer;
let agent: RunningAgent | undefined;
let signing: Awaited<ReturnType<typeof testSigningKey>>;
let [root, timestamp] = ['', ''];

beforeAll(async () => {
  place = await directoryPlace();
  root = place.newRoot();
  store = await place.open(root);
  [server] = (await startCluster(1, { databases: [DATABASE] })) as [TestServer];
  await server.psql(
    'CREATE TABLE facts AS SELECT g AS id FROM generate_series(1, 500) g',
    DATABASE,
  );
  await server.psql('CREATE ROLE intruder LOGIN');
  signing = await testSigningKey(place.folder);
  // The next key of the command, which is not in use yet.
  const { key: next } = await testSigningKey(place.folder);
  await restartAgent({ signedBy: [next.publicKey, signing.key.publicKey] });
});
afterAll(async () => {
  await endAgent();
  await stopAll([server]);
  await store?.close();
  await place?.stop();
});

async function restartAgent(more: Readonly<Record<string, unknown>>): Promise<void> {
  await endAgent();
  const serves = new Map([[0, server]]);
  const plain = { encryption: undefined, ...more };
  agent = await startAgent({ place, root, name: 'agent0', serves, more: plain });
}

async function endAgent(): Promise<void> {
  agent?.kill('SIGKILL');
  await agent?.ended;
}

async function run(
  args: readonly string[],
  { signs = true, functions = 'inline' as 'inline' | 'events' } = {},
): Promise<CliResult> {
  const config = await configFor(place, [server], root, {
    functions,
    shippers: { workers: 2, start: 'agents', ...(signs && { signingKeyFile: signing.file }) },
    encryption: undefined,
  });
  return stowage([...args], { config });
}

/** Restores while the functions of the root write what the attacker makes of their documents. */
async function restoredUnder(change: Change, database: string): Promise<CliResult> {
  const over = new AbortController();
  const functions = runFunctions(store, change, over.signal);
  const flags = ['--create', '--database', database];
  try {
    return await run(['restore', timestamp, ...flags], { functions: 'events' });
  } finally {
    over.abort();
    await functions;
  }
}

/** What a program can do that may write everything in the bucket, and nothing in the database. */
async function plantBackup(time: string): Promise<BackupReport> {
  const key = formatKey({ kind: 'plan', timestamp });
  const plan = decode(Plan, { key, bytes: await store.read(key, { bytesMax: 1e6 }) });
  const set = { timestamp: `${timestampOf(new Date()).slice(0, 8)}${time}`, content: 0 };
  const { host, port } = server;
  const order = encode(BackupOrder, {
    ...{ format: 'stowage/backup-order', version: FORMAT_VERSION, ...set, host, port },
    ...{ database: DATABASE, attempt: 1, encoding: 'UTF8', frameBytes: 4096, packBytes: 65_536 },
    ...{ level: 1, metadata: ['schema.dump'], collect: false, overdueAfterSeconds: 60 },
    relations: plan.relations.map((relation) => ({ ...relation, bytesEstimated: 1 })),
  });
  await store.create(formatKey({ kind: 'backup-order', ...set }), order);
  const report = formatKey({ kind: 'backup-report', ...set });
  await waitFor('the report', async () => (await store.head(report)) && true);
  return decode(BackupReport, { key: report, bytes: await store.read(report, { bytesMax: 1e6 }) });
}

/** The same, with the login of a role without rights: an order wants the lock of its restore. */
async function plantRestore(database: string): Promise<Outcome> {
  const now = new Date();
  const id = `${instantOf(now)}-0123abcd`;
  const { host, port } = server;
  const request = encode(RestoreRequest, {
    ...{ format: 'stowage/restore-request', version: FORMAT_VERSION, id, timestamp },
    requestedAt: now.toISOString(),
    target: { flavour: 'shards', database, contents: [{ content: 0, host, port }] },
    ...{ selection: EVERYTHING, mode: 'create', verify: false, globals: false, noOwner: false },
    ...{ resize: false, agents: true, count: false },
  });
  const over = new AbortController();
  const intruder = { ...server.target(database), user: 'intruder' };
  const lock = await lockForRestore(intruder, id, over.signal);
  await store.create(formatKey({ kind: 'restore-request', restore: id }), request);
  const functions = runFunctions(store, (_, bytes) => bytes, over.signal);
  const key = formatKey({ kind: 'outcome', restore: id });
  await waitFor('the outcome', async () => (await store.head(key)) && true);
  over.abort();
  await functions;
  await lock.close();
  return decode(Outcome, { key, bytes: await store.read(key, { bytesMax: 1e6 }) });
}

async function packsOf(set: string): Promise<number> {
  const keys = await Array.fromAsync(store.list(`sets/${set.slice(0, 8)}/${set}/`));
  return keys.filter(({ key }) => /\/(data|metadata)\//.test(key)).length;
}

describe('an agent that names the public key of its command', () => {
  test('carries out what the command has signed', async () => {
    const made = await run(['backup']);
    expect(made.json, made.text).toMatchObject({ status: 'complete', problems: [] });
    timestamp = made.json.timestamp;
    expect(await packsOf(timestamp)).toBeGreaterThan(1);
  });

  test('is named by doctor, for a command that signs and for one that does not', async () => {
    const { publicKey } = signing.key;
    const signs = await run(['doctor']);
    expect(signs.text).toContain(`signed orders`);
    expect(signs.text).toContain(`content 0: the agent obeys orders of ${publicKey}`);
    const signsNot = await run(['doctor'], { signs: false });
    expect([signs.code, signsNot.code], signsNot.text).toEqual([0, 4]);
    expect(signsNot.text).toContain('shippers.signingKeyFile is not set');
  });

  test('refuses an order of a plain set that was exchanged, and the restore can be resumed', async () => {
    const failed = await restoredUnder(shortened('data', 0), 'copy');
    expect(failed.json.status, failed.text).toBe('failed');
    expect(failed.text).toContain('restore/order');
    const id = String(failed.stderrEvents.find(({ event }) => event === 'request')?.['id']);
    const file = fileURLToPath(`${root}/${formatKey({ kind: 'restore-request', restore: id })}`);
    const bytes = await readFile(file);
    await writeFile(file, bytes.toString().replace('"noOwner":false', '"noOwner":true'));
    const changed = await run(['restore', '--resume', id]);
    expect(changed.json.error, changed.text).toMatchObject({ code: 'restore/refused' });
    expect(changed.text).toContain('another program has changed it');
    await writeFile(file, bytes);
    const resumed = await run(['restore', '--resume', id]);
    expect(resumed.json.status, resumed.text).toBe('restored');
    expect(await server.psql(ROWS, 'copy')).toBe(await server.psql(ROWS, DATABASE));
  });

  test('refuses a command that signs nothing, which says what to set', async () => {
    const made = await run(['backup'], { signs: false });
    expect(made.json.failures, made.text).toMatchObject([{ content: 0, code: REFUSED }]);
    expect(made.text).toContain('shippers.signingKeyFile');
    expect(await packsOf(made.json.timestamp)).toBe(0);
  });

  test('refuses a backup and a restore that another program has planted', async () => {
    const report = await plantBackup('000001');
    expect(report).toMatchObject({ status: 'failed', failure: { code: REFUSED } });
    expect(await packsOf(report.timestamp)).toBe(0);
    const outcome = await plantRestore('planted');
    expect(outcome).toMatchObject({ status: 'failed', problems: [{ cause: REFUSED }] });
    expect(await databasesOf(server)).not.toContain('planted');
  });
});

test('an agent that names no key carries out what another program has planted', async () => {
  await restartAgent({});
  const report = await plantBackup('000002');
  expect(agent?.log.join('\n')).toContain('set signedBy in agent.yaml');
  expect(report).toMatchObject({ status: 'shipped', relations: [{ rows: 500 }] });
  expect(await packsOf(report.timestamp)).toBe(2);
  const outcome = await plantRestore('planted');
  expect(outcome.status, JSON.stringify(outcome.problems)).toBe('restored');
  expect(await server.psql(ROWS, 'planted')).toBe(await server.psql(ROWS, DATABASE));
});
