import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DOCUMENT_BYTES_MAX,
  decode,
  encode,
  FORMAT_VERSION,
} from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { BackupOrder, BackupReport, Claim } from '../../../backup-set/documents/agents.ts';
import { backup } from '../../../segment-shipper/backup/backup.ts';
import { noProgress } from '../../../segment-shipper/deps.ts';
import { CONTROL_VERSION, type Report } from '../../../segment-shipper/protocol/control.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { startStowage } from '../../support/cli.ts';
import { configFor, DATABASE, leftoversOnAll } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';

let place: Place;
let servers: TestServer[];
let server: TestServer;

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(1, { databases: [DATABASE] });
  server = servers[0] as TestServer;
  await server.psql(
    `CREATE TABLE public.money AS SELECT i FROM generate_series(1, 100) i;
     CREATE TABLE public.less AS SELECT i FROM generate_series(1, 99) i;
     CREATE TABLE public.empty (i int)`,
    DATABASE,
  );
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

type Shipped = BackupOrder['relations'][number];

/** What a program with the keys of an agent can do: it answers the order as it likes. */
async function answer(store: ObjectStore, timestamp: string, read: (one: Shipped) => Shipped[]) {
  const set = { timestamp, content: 0 };
  const key = formatKey({ kind: 'backup-order', ...set });
  await waitFor('the order', async () => (await store.head(key)) && true);
  const order = decode(BackupOrder, {
    key,
    bytes: await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX }),
  });
  const claim = encode(Claim, {
    format: 'stowage/claim',
    version: FORMAT_VERSION,
    order: key,
    agent: 'forger',
    instance: 'one',
    claimedAt: new Date().toISOString(),
  });
  await store.create(formatKey({ kind: 'backup-claim', ...set }), claim);
  const reports: Report[] = [];
  const { base: _, sealing: __, ...work } = order;
  await backup(
    {
      ...work,
      relations: order.relations.flatMap(read),
      control: CONTROL_VERSION,
      type: 'backup',
      target: server.target(DATABASE),
      store: { root: store.url, s3: undefined },
      workers: 1,
      fifoBase: '/tmp',
    },
    new AbortController().signal,
    {
      store,
      clock: () => new Date(),
      log: pino({ level: 'silent' }),
      report: (line) => void reports.push(line),
      progress: noProgress(),
      throttle: async () => {},
      signal: new AbortController().signal,
    },
  );
  const shipped = new Map(
    reports.flatMap((line) => (line.type === 'relation' ? [[line.relation, line]] : [])),
  );
  const relations = order.relations.map(({ id }) => {
    const { rows, bytes } = shipped.get(id) ?? { rows: 0, bytes: 0 };
    return { relation: id, attempt: order.attempt, rows, bytes };
  });
  const report = encode(BackupReport, {
    format: 'stowage/backup-report',
    version: FORMAT_VERSION,
    ...set,
    status: 'shipped',
    finishedAt: new Date().toISOString(),
    receipts: reports
      .filter((line) => line.type === 'receipt')
      .map(({ attempt, worker, sequence, sha256 }) => ({ attempt, worker, sequence, sha256 })),
    relations,
    totals: { rows: 0, bytes: 0, storedBytes: 0 },
    peakMemoryBytes: 1,
  });
  await store.create(formatKey({ kind: 'backup-report', ...set }), report);
}

async function backUp(read: (one: Shipped) => Shipped[]) {
  const root = place.newRoot();
  const config = await configFor(place, servers, root, {
    functions: 'inline',
    shippers: { start: 'agents' },
  });
  const store = await place.open(root);
  const run = startStowage(['backup'], { config });
  const { timestamp } = await run.waitForEvent('snapshot');
  await answer(store, String(timestamp), read);
  const result = await run.ended;
  await store.close();
  expect(await leftoversOnAll(servers)).toEqual([]);
  return result;
}

describe('a report that an agent did not write', () => {
  test.each<[string, (one: Shipped) => Shipped[], string]>([
    ['0 rows of a table that has some', (one) => (one.name === 'money' ? [] : [one]), '0 rows'],
    [
      'fewer rows of a table than it has, and uploads as many',
      (one) => [one.name === 'money' ? { ...one, name: 'less' } : one],
      '99 rows',
    ],
  ])(
    'which says %s makes the backup fail and names relation and content',
    async (_, read, rows) => {
      const { code, json } = await backUp(read);
      expect([code, json.status]).toEqual([3, 'incomplete']);
      expect(json.failures).toMatchObject([{ content: 0, code: 'database/count' }]);
      expect(json.failures[0]?.message).toContain(
        `the agent of content 0 reports ${rows} of public.money`,
      );
    },
  );

  test('which says the truth makes the set complete', async () => {
    const { code, json } = await backUp((one) => [one]);
    expect([code, json.status]).toEqual([0, 'complete']);
  });
});
