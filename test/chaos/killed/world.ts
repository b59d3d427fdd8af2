import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { ObjectStore } from '../../../storage/store.ts';
import { type Truths, truthsOf } from '../../model/truth.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { cephPlace, directoryPlace, type Place } from '../../support/e2e/place.ts';
import { type FaultyProxy, startFaultyProxy } from '../../support/servers/faulty-proxy.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { type Random, randomFrom } from '../random.ts';
import type { PlannedCommand } from './plan.ts';

export type StoreKind = 'directory' | 'ceph';

/** One root whose commands are killed, the root that its sets are copied to, and two servers. */
export interface KilledWorld {
  readonly random: Random;
  readonly place: Place;
  readonly servers: readonly TestServer[];
  /** In front of the store, one per command of a round; none before a directory. */
  readonly proxies: readonly FaultyProxy[];
  readonly root: string;
  readonly copies: string;
  readonly store: ObjectStore;
  readonly copied: ObjectStore;
  /** The rows at the time of each set, by content. */
  readonly truths: Map<string, ReadonlyMap<number, Truths>>;
  /** Sets that a hold reported as held. */
  readonly held: Set<string>;
  /** Sets that a `delete` has named. */
  readonly deleted: Set<string>;
  /** ETag and bytes of every object ever seen, by root and key. */
  readonly seen: Map<string, string>;
  /** The longest run of each command that was not killed, and its requests. */
  readonly pace: Map<string, { ms: number; requests: number }>;
  readonly counts: Map<string, number>;
  stop(): Promise<void>;
}

const SLOTS = 3;
const TABLES = 6;
const ROWS = [40, 200, 800, 800, 1_500, 3_000];
const SETTINGS = { wal_level: 'replica', max_connections: '60', autovacuum: 'off' };

export async function newKilledWorld(seed: number, kind: StoreKind): Promise<KilledWorld> {
  const place = kind === 'ceph' ? await cephPlace() : await directoryPlace();
  const endpoint = place.ceph?.endpoint;
  const proxies =
    endpoint === undefined
      ? []
      : await Promise.all(Array.from({ length: SLOTS }, () => startFaultyProxy(endpoint)));
  const servers = await startCluster(2, { settings: SETTINGS, databases: [DATABASE] });
  const tables = Array.from(
    { length: TABLES },
    (_, at) => `CREATE TABLE t${at} AS SELECT g AS id, repeat(md5(g::text), 6) AS word
      FROM generate_series(1, ${ROWS[at] ?? 0}) g;`,
  );
  await Promise.all(servers.map((server) => server.psql(tables.join('\n'), DATABASE)));
  const [root, copies] = [place.newRoot(), place.newRoot()];
  const [store, copied] = [await place.open(root), await place.open(copies)];
  return {
    random: randomFrom(seed),
    ...{ place, servers, proxies, root, copies, store, copied },
    truths: new Map(),
    held: new Set(),
    deleted: new Set(),
    seen: new Map(),
    pace: new Map(),
    counts: new Map(),
    async stop() {
      await Promise.all([store.close(), copied.close()]);
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      await stopAll(servers);
      await place.stop();
    },
  };
}

/** The configuration of one command. */
export function configOf(
  { place, servers, proxies, root }: KilledWorld,
  { keepLast, graceHours }: PlannedCommand,
  slot: number,
): Promise<string> {
  const endpoint = proxies[slot]?.endpoint;
  const storage = endpoint === undefined ? {} : { endpoint, attemptsMax: 2, stallMs: 5_000 };
  return configFor({ folder: join(place.folder, 'config'), storage }, servers, root, {
    functions: 'inline',
    backup: {
      ...{ packBytes: 64 * 1024, frameBytes: 8 * 1024, overdueAfterSeconds: 2 },
      witnesses: { fileStamp: true },
    },
    retention: { keepLast, graceHours, keepFailed: '1h' },
  });
}

/** Changes rows of some tables on each server. */
export async function changeRows({ random, servers }: KilledWorld): Promise<void> {
  for (const server of servers) {
    const changes = Array.from({ length: random.below(4) }, () => changeOf(random));
    if (changes.length > 0) await server.psql(changes.join('\n'), DATABASE);
  }
}

function changeOf(random: Random): string {
  const table = `t${random.below(TABLES)}`;
  const salt = random.below(2 ** 30);
  const some = `id % ${1 + random.below(50)} = 0`;
  const fill = `INSERT INTO ${table} SELECT g, repeat(md5((g + ${salt})::text), 6) FROM generate_series(1, ${1 + random.below(300)}) g;`;
  return random.pick([
    `UPDATE ${table} SET word = repeat(md5((id + ${salt})::text), 6) WHERE ${some};`,
    `DELETE FROM ${table} WHERE ${some};`,
    fill,
    `TRUNCATE ${table}; ${fill}`,
  ]);
}

/** The rows of a database on every server, by content. */
export async function rowsNow(
  { servers }: Pick<KilledWorld, 'servers'>,
  database = DATABASE,
): Promise<ReadonlyMap<number, Truths>> {
  const found = new Map<number, Truths>();
  for (const [content, { host, port, user }] of servers.entries()) {
    const client = new Client({ host, port, user, database });
    await client.connect();
    try {
      found.set(content, await truthsOf(client));
    } finally {
      await client.end();
    }
  }
  return found;
}

const SESSIONS = `SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'stowage %'`;
const SESSIONS_MS_MAX = 30_000;

/** Waits for the shippers that killed commands left behind, and drops what restores have made. */
export async function settle({ servers }: KilledWorld): Promise<void> {
  for (const server of servers) {
    const limit = Date.now() + SESSIONS_MS_MAX;
    while ((await server.psql(SESSIONS)) !== '0') {
      if (Date.now() > limit) throw new Error('sessions of killed commands do not end');
      await sleep(50);
    }
    for (const name of await databasesOf(server))
      if (name !== DATABASE) await server.psql(`DROP DATABASE "${name}" WITH (FORCE)`);
  }
}

export function count({ counts }: KilledWorld, what: string, times = 1): void {
  counts.set(what, (counts.get(what) ?? 0) + times);
}
