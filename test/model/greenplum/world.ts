import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client } from 'pg';
import { openStore } from '../../../storage/open.ts';
import { writeConfig } from '../../support/cli.ts';
import { quiet } from '../commands.ts';
import { startShipperHost } from '../shipper-host.ts';
import { type Truths, truthsOf } from '../truth.ts';
import { type ModelRoot, newRoot } from '../world.ts';
import { FIRST_TABLES, TABLES } from './schema.ts';

/** Several worlds can use a cluster. */
const databaseOf = (seed: number) => `stowage_model_${seed}`;

/** How to reach one instance of the cluster. */
interface Instance {
  readonly content: number;
  readonly host: string;
  readonly port: number;
}

/** A database of a cluster that others may use, too. */
export interface GreenplumWorld extends ModelRoot {
  readonly segments: readonly Instance[];
  /** A change that this world makes often. */
  readonly meets?: string | undefined;
  connect(database?: string): Promise<Client>;
  stop(): Promise<void>;
}

const UTILITY = '-c gp_session_role=utility';
const FILES = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** @param address `host:port` of the coordinator of a cluster of Greenplum 6 */
export async function newGreenplumWorld(
  seed: number,
  address: string,
  meets?: string,
): Promise<GreenplumWorld> {
  const [host = '', port = ''] = address.split(':');
  const user = process.env['PGUSER'] ?? 'gpadmin';
  const home = process.env['GPHOME'] ?? '/opt/gp/6';
  const name = databaseOf(seed);
  const connect = (database = name) => open({ host, port: Number(port), user, database });
  const segments = await recreate(await connect('postgres'), name);
  const client = await connect();
  for (const statement of FIRST_TABLES) await client.query(statement);
  await client.end();
  const folder = await mkdtemp(join(FILES, 'stowage-model-'));
  const truths = new Map<number, Truths>();
  const shippers = await startShipperHost(quiet, async ({ content, snapshotId, target }) => {
    if (content < 0 || snapshotId === undefined) return;
    const { host: at, port: on, options } = target;
    const segment = await open({ host: at, port: on, user, database: target.database, options });
    truths.set(content, await truthsOf(segment, snapshotId, TABLES));
    await segment.end();
  });
  const root = pathToFileURL(join(folder, 'root')).href;
  const config = await writeConfig(join(folder, 'stowage.yaml'), {
    ...{ cluster: 'model', flavour: 'greenplum', root, database: name },
    coordinator: { host, port: Number(port) },
    connection: { user, binDir: join(home, 'bin') },
    backup: { frameBytes: 8192, lockTimeoutMs: 500, witnesses: { fileStamp: true } },
    restore: { smallTableBytes: 0 },
    shippers: { workers: 2, command: shippers.command },
  });
  return {
    ...newRoot(seed, await openStore({ root }), config),
    ...{ truths, segments, meets, connect },
    async stop() {
      shippers.stop();
      const last = await connect('postgres');
      try {
        await drop(last, name);
      } finally {
        await last.end();
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Makes the database anew. @returns the primaries of the segments. */
async function recreate(client: Client, name: string): Promise<Instance[]> {
  try {
    await drop(client, name);
    await client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
    const { rows } = await client.query<Instance>(
      `SELECT content::int, address AS host, port FROM gp_segment_configuration
       WHERE role = 'p' AND content >= 0 ORDER BY content`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

export async function drop(client: Client, database: string): Promise<void> {
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
  );
  await client.query(`DROP DATABASE IF EXISTS ${database}`);
}

/** What each segment has of a database. */
export async function seenBySegments(
  { segments }: GreenplumWorld,
  database: string,
): Promise<ReadonlyMap<number, Truths>> {
  const found = new Map<number, Truths>();
  for (const { content, host, port } of segments) {
    const user = process.env['PGUSER'] ?? 'gpadmin';
    const client = await open({ host, port, user, database, options: UTILITY });
    try {
      found.set(content, await truthsOf(client, undefined, TABLES));
    } finally {
      await client.end();
    }
  }
  return found;
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly options?: string | undefined;
}

async function open({ options, ...address }: Address): Promise<Client> {
  const client = new Client({
    ...address,
    application_name: 'model',
    ...(options !== undefined && { options }),
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
