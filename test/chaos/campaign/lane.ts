import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../../storage/open.ts';
import { startCeph } from '../../support/ceph/ceph.ts';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { BUCKET, type Place } from '../../support/e2e/place.ts';
import { type FaultyProxy, startFaultyProxy } from '../../support/servers/faulty-proxy.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { startWireProxy, type WireProxy } from './faults/wire-proxy.ts';
import { type Contents, contentsOf } from './judge/contents.ts';
import { sourceSql } from './load/data.ts';

/** The database that a lane restored its standing set into: a template for targets. */
export const STANDING = 'standing';

/** The S3 server that all lanes share. */
export interface Store {
  readonly endpoint: string;
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Two servers with a source database, and the proxies in front of them. Runs use it in turn. */
export interface Lane {
  readonly servers: readonly TestServer[];
  /** The same servers, as a run reaches them. */
  readonly proxied: readonly TestServer[];
  readonly wires: readonly WireProxy[];
  readonly storeProxy: FaultyProxy;
  readonly folder: string;
  /** The store without faults, for the judge. */
  readonly direct: Place;
  readonly viaProxy: Place;
  /** A complete set, for runs whose own backup failed, and what its rows are per content. */
  readonly standing: { readonly root: string; readonly timestamp: string };
  readonly standingContents: readonly Contents[];
  /** The slowest command without faults so far, in ms: how slow this machine is now. */
  readonly pace: { slowestMs: number };
  readonly sourceContents: readonly Contents[];
  stop(): Promise<void>;
}

export async function startStore(): Promise<Store> {
  const ceph = await startCeph();
  // The store that the judge opens takes its keys from here.
  Object.assign(process.env, ceph.env);
  await ceph.createBucket(BUCKET);
  return { endpoint: ceph.endpoint, env: ceph.env, stop: () => ceph.stop() };
}

const SETTINGS = {
  // A server that crashes must still have what it has committed.
  synchronous_commit: 'on',
  wal_level: 'replica',
  max_connections: '100',
  max_prepared_transactions: '5',
};

export async function startLane(store: Store): Promise<Lane> {
  const servers = await startCluster(2, { settings: SETTINGS, databases: [DATABASE] });
  await Promise.all(servers.map((server, content) => server.psql(sourceSql(content), DATABASE)));
  const wires = await Promise.all(servers.map(({ port }) => startWireProxy(port)));
  const storeProxy = await startFaultyProxy(store.endpoint);
  const folder = await mkdtemp(join(tmpdir(), 'stowage-campaign-'));
  const placeAt = (endpoint: string, more: object = {}): Place => {
    const storage = { endpoint, ...more };
    return {
      folder,
      storage,
      env: store.env,
      newRoot: () => `s3://${BUCKET}/${randomUUID()}`,
      open: (root) => openStore({ root, s3: storage }),
      stop: () => Promise.resolve(),
    };
  };
  const lane = {
    servers,
    wires,
    storeProxy,
    folder,
    pace: { slowestMs: 0 },
    proxied: servers.map((server, content) => ({ ...server, port: wires[content]?.port ?? 0 })),
    direct: placeAt(store.endpoint),
    viaProxy: placeAt(storeProxy.endpoint, { attemptsMax: 3, stallMs: 2_000 }),
    async stop() {
      await Promise.all(wires.map((wire) => wire.stop()));
      await storeProxy.stop();
      await stopAll(servers);
      await rm(folder, { recursive: true, force: true });
    },
  };
  const read = (database: string) =>
    Promise.all(servers.map((server) => contentsOf(server, database)));
  try {
    await mkdir(temporaryFolder(lane), { recursive: true });
    const standing = await takeStandingSet(lane);
    const [standingContents, sourceContents] = [await read(STANDING), await read(DATABASE)];
    return { ...lane, standing, standingContents, sourceContents };
  } catch (error) {
    await lane.stop();
    throw error;
  }
}

/** TMPDIR of the commands of a lane: it must be empty after each run. */
export const temporaryFolder = ({ folder }: Pick<Lane, 'folder'>) => join(folder, 'tmp');

async function takeStandingSet({
  servers,
  direct,
  pace,
}: Pick<Lane, 'servers' | 'direct' | 'pace'>): Promise<Lane['standing']> {
  const startedAt = Date.now();
  const root = direct.newRoot();
  const config = await configFor(direct, servers, root, { functions: 'inline' });
  const options = { config, env: direct.env };
  const backup = await stowage(['backup'], options);
  const { timestamp } = backup.json;
  const restore = await stowage(
    ['restore', timestamp, '--create', '--database', STANDING],
    options,
  );
  const failure = failureOf(backup) ?? failureOf(restore);
  if (failure !== undefined) throw new Error(`a lane could not start: ${failure}`);
  pace.slowestMs = Date.now() - startedAt;
  return { root, timestamp };
}
