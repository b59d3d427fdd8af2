import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { serverPrograms } from '../../database/local-server/programs.ts';
import { openStore } from '../../storage/open.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { type Random, randomFrom } from '../chaos/random.ts';
import { writeConfig } from '../support/cli.ts';
import { type FollowUp, MODEL_DATABASE, TABLESPACE } from './actions/servers.ts';
import { quiet } from './commands.ts';
import { FIRST_TABLES, SKIPPED } from './schema.ts';
import { ModelServer } from './server.ts';
import type { LivingSet } from './sets.ts';
import { type ShipperHost, startShipperHost } from './shipper-host.ts';
import { type Truths, truthsOf } from './truth.ts';

/** A root, the sets in it, and what happened so far. */
export interface ModelRoot {
  readonly random: Random;
  readonly store: ObjectStore;
  /** The configuration file. */
  readonly config: string;
  readonly living: LivingSet[];
  /** Sets with a tombstone, and the hours since. */
  readonly expired: Map<string, { readonly set: LivingSet; hours: number }>;
  /** Sets that a hold keeps. */
  readonly held: Set<string>;
  readonly tagged: Set<string>;
  /** Sets that were removed. Packs of them may stay. */
  readonly removed: Set<string>;
  /** What the snapshot of the backup under way has, by content. */
  readonly truths: Map<number, Truths>;
  /** The steps, for the message of a failure. */
  readonly steps: string[];
  readonly counts: Map<string, number>;
  /** The second half of a change, after one backup without anything else beside it. */
  followUp: FollowUp | undefined;
}

/** A root of two servers. */
export interface World extends ModelRoot {
  readonly seed: number;
  /** A change that this world makes often. */
  readonly meets?: string | undefined;
  readonly servers: readonly ModelServer[];
  stop(): Promise<void>;
}

export function newRoot(seed: number, store: ObjectStore, config: string): ModelRoot {
  return {
    random: randomFrom(seed),
    ...{ store, config },
    living: [],
    expired: new Map(),
    held: new Set(),
    tagged: new Set(),
    removed: new Set(),
    truths: new Map(),
    steps: [],
    counts: new Map(),
    followUp: undefined,
  };
}

export interface WorldOptions {
  readonly seed: number;
  /** Major version of PostgreSQL. */
  readonly major: number;
  /** Its programs; absent = the machine's. */
  readonly binDir?: string | undefined;
  /** The part `backup` of the configuration. */
  readonly backup?: Readonly<Record<string, unknown>>;
  readonly meets?: string | undefined;
}

/** Some sets have it, and rules of their own. */
export const TAG = 'nightly';
const CONTENTS = 2;
const FILES = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export async function newWorld(options: WorldOptions): Promise<World> {
  const { seed, major, binDir, backup, meets } = options;
  const programs = await serverPrograms(binDir);
  // Without fsync a server gives no witness of its WAL.
  const settings = major >= 17 ? { summarize_wal: 'on', fsync: 'on' } : { fsync: 'off' };
  const servers = await Promise.all(
    Array.from({ length: CONTENTS }, () => ModelServer.start(programs, major, settings)),
  );
  const folder = await mkdtemp(join(FILES, 'stowage-model-'));
  let host: ShipperHost | undefined;
  const stop = async () => {
    host?.stop();
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const truths = new Map<number, Truths>();
    host = await startShipperHost(quiet, async ({ content, snapshotId }) => {
      const server = servers[content];
      if (server === undefined || snapshotId === undefined) throw new Error('no snapshot');
      truths.set(content, await seenBy(server, MODEL_DATABASE, snapshotId));
    });
    await Promise.all(servers.map((server, content) => fill(server, content)));
    const root = pathToFileURL(join(folder, 'root')).href;
    const config = await writeConfig(join(folder, 'stowage.yaml'), {
      cluster: 'model',
      root,
      database: MODEL_DATABASE,
      segments: servers.map(({ port }, content) => ({ content, host: '127.0.0.1', port })),
      connection: { user: servers[0]?.user, binDir: programs },
      backup: {
        frameBytes: 8192,
        lockTimeoutMs: 200,
        excludeSchemas: [SKIPPED],
        witnesses: { waitSeconds: 5, fileStamp: major < 17 },
        ...backup,
      },
      shippers: { workers: 2, command: host.command },
    });
    const made = newRoot(seed, await openStore({ root }), config);
    return { ...made, ...{ seed, meets, servers, truths, stop } };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function fill(server: ModelServer, content: number): Promise<void> {
  await server.sql('postgres', `CREATE DATABASE ${MODEL_DATABASE}`, 'CREATE ROLE clerk');
  // pg_dumpall 15 cannot describe a tablespace inside of the server: all copies have it.
  await server.sql('postgres', `CREATE TABLESPACE ${TABLESPACE} LOCATION ''`);
  await server.sql(MODEL_DATABASE, ...FIRST_TABLES);
  await server.sql(MODEL_DATABASE, `UPDATE plain SET word = 'content ${content}' WHERE id = 1`);
  // Ranges need to know how many blocks a table has.
  await server.sql(MODEL_DATABASE, 'VACUUM ANALYZE');
}

/** The rows of all tables but those that no set has. */
export async function seenBy(
  server: ModelServer,
  database: string,
  snapshotId?: string,
): Promise<Truths> {
  const client = await server.connect(database);
  try {
    const all = await truthsOf(client, snapshotId);
    return new Map([...all].filter(([name]) => !name.startsWith(`${SKIPPED}.`)));
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Adds what happened to the present step. */
export function note(world: Pick<World, 'steps'>, what: string): void {
  world.steps.push(`${world.steps.pop() ?? ''} | ${what}`);
}

export function count(world: Pick<World, 'counts'>, what: string, times = 1): void {
  world.counts.set(what, (world.counts.get(what) ?? 0) + times);
}
