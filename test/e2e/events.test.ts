import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CliResult, RunningCli } from '../support/cli.ts';
import { stowage } from '../support/cli.ts';
import { BANK, bankSql } from '../support/e2e/bank.ts';
import { configFor, DATABASE, databasesOf } from '../support/e2e/cluster.ts';
import { databaseContents } from '../support/e2e/compare.ts';
import { startServe } from '../support/e2e/deployments.ts';
import {
  BUCKET,
  cephPlace,
  directoryPlace,
  type Place,
  withoutCeph,
} from '../support/e2e/place.ts';
import { REPEATS } from '../support/repeats/repeats.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { announceNew, type Relay, startRelay } from '../support/servers/relay.ts';
import { smallTables, troubleSchema } from '../support/trouble/trouble.ts';
import { readUntil } from '../support/wait-for.ts';

const SHARDS = 2;
/** Longer than any test: only events can start the functions. */
const NEVER_SWEEPS = 36_000;
const TIMES = 3;
const DELAY_MS_MAX = 1_500;

let source: TestServer[];
let target: TestServer[];

beforeAll(async () => {
  [source, target] = await Promise.all([
    startCluster(SHARDS, { databases: [DATABASE] }),
    startCluster(SHARDS),
  ]);
  for (const [content, server] of source.entries()) {
    const scripts = [
      ...troubleSchema({ content, rolePrefix: 'shop_' }),
      bankSql(content),
      ...smallTables(50, content),
    ];
    for (const sql of scripts) await server.psql(sql, DATABASE);
  }
});
afterAll(() => Promise.all([stopAll(source), stopAll(target)]));

/** A running `stowage serve` that learns of new objects in a certain way. */
interface Delivery {
  /** Forwards the notifications; absent when there are none. */
  readonly relay?: Relay;
  stop(): Promise<void>;
}

type Deliver = (place: Place, config: string, root: string) => Promise<Delivery>;

const withSweepsOnly: Deliver = async (place, config) => {
  const { server } = await startServe(place, config, 1);
  return { stop: () => stopServer(server) };
};

const withRepeatedEvents: Deliver = async (place, config, root) => {
  const { server, url } = await startServe(place, config, NEVER_SWEEPS);
  const relay = await startRelay({ to: `${url}/events`, times: TIMES, delayMsMax: DELAY_MS_MAX });
  const { ceph } = place;
  const prefix = `${root.slice(`s3://${BUCKET}/`.length)}/`;
  const announcer = ceph === undefined ? announceNew(await place.open(root), relay.url) : undefined;
  await ceph?.subscribe(BUCKET, relay.url, { prefix });
  return {
    relay,
    async stop() {
      await announcer?.stop();
      await relay.stop();
      await stopServer(server);
    },
  };
};

const ONLY_SWEEPS = 'succeed without notifications, by sweeps only';
const REPEATED_EVENTS = 'succeed when every event arrives three times and in any order';

describe('a backup to a directory and its restore', () => {
  testRoundTrip(ONLY_SWEEPS, directoryPlace, withSweepsOnly);
  if (REPEATS) testRoundTrip(REPEATED_EVENTS, directoryPlace, withRepeatedEvents);
});
// round-trip.test.ts tests Ceph with sweeps only (npm run test:all).
describe.skipIf(withoutCeph)('a backup to Ceph RGW and its restore', () => {
  testRoundTrip(REPEATED_EVENTS, cephPlace, withRepeatedEvents);
});

test('a backup and a restore without running functions say after 10 s what they wait for', async () => {
  const place = await directoryPlace();
  const root = place.newRoot();
  const from = await configFor(place, source, root, { functions: 'events' });
  const into = await configFor(place, target, root, { functions: 'events' });
  const waitingOf = ({ stderrEvents }: CliResult) =>
    stderrEvents.filter(({ event }) => event === 'waiting');
  try {
    const backup = await stowage(['backup', '--wait', '11'], { config: from });
    const { timestamp, status } = backup.json;
    expect(status).toBe('unproven');
    const needs = expect.stringMatching(/functions: events, `stowage serve` .*file:\/\//);
    const what = `the functions to write the verdict on set ${timestamp}`;
    expect(waitingOf(backup)).toMatchObject([{ for: what, needs, atMostMs: 11_000 }]);

    expect((await stowage(['sweep'], { config: from })).code).toBe(0);
    const restore = await stowage(['restore', timestamp, '--create', '--wait', '11'], {
      config: into,
    });
    expect(restore.json.error).toMatchObject({ code: 'restore/failed' });
    expect(waitingOf(restore)).toMatchObject([
      { for: expect.stringContaining('the functions to write the plan of restore'), needs },
    ]);
  } finally {
    await place.stop();
  }
});

function testRoundTrip(name: string, start: () => Promise<Place>, deliver: Deliver): void {
  test(name, async () => {
    const place = await start();
    const root = place.newRoot();
    const functions = { functions: 'events' };
    const from = await configFor(place, source, root, functions);
    const into = await configFor(place, target, root, functions);
    const delivery = await deliver(place, from, root);
    try {
      const run = (args: string[], config: string) => stowage(args, { config, env: place.env });
      const backup = await run(['backup', '--wait', '240'], from);
      expect(backup.text).toContain('"status":"complete"');
      expect(backup.code).toBe(0);
      const { timestamp } = backup.json;
      const restore = await run(
        ['restore', timestamp, '--create', '--globals', '--wait', '240'],
        into,
      );
      expect(restore.text).toContain('"status":"restored"');
      expect(restore.code).toBe(0);
      for (const [content, server] of source.entries())
        expect(await databaseContents(target[content] as TestServer, BANK)).toEqual(
          await databaseContents(server, BANK),
        );
      const { json } = await run(['show', timestamp], from);
      expect(json.verdict).toMatchObject({
        level: 'validate',
        status: 'complete',
        problemsTotal: 0,
      });
      if (delivery.relay !== undefined) {
        // The last events may not have been delivered yet.
        const { received, delivered } = await readUntil(
          async () => delivery.relay?.counts() ?? { received: 0, delivered: 0 },
          (counts) => counts.delivered > counts.received,
        );
        expect(received).toBeGreaterThan(SHARDS);
        expect(delivered).toBeGreaterThan(received);
      }
    } finally {
      await delivery.stop();
      await place.stop();
      for (const server of target)
        for (const database of await databasesOf(server))
          await server.psql(`DROP DATABASE "${database}"`);
    }
  });
}

async function stopServer(server: RunningCli): Promise<void> {
  server.kill('SIGTERM');
  await server.ended;
}
