import { chmod, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { eachInFlight } from '../../../async/each-in-flight.ts';
import type { LocalServerOptions } from '../../../database/local-server/local-server.ts';
import { startCluster, type TestServer } from '../../support/servers/postgres.ts';
import { createTable, fillTable, type Shape } from '../measure/rows.ts';
import type { Bench } from '../scenario.ts';

export const DATABASE = 'bench';

/** A PostgreSQL server with the rows of a scenario. */
export interface Source {
  readonly server: TestServer;
  readonly tables: readonly string[];
  /** The exact bytes of COPY text of all tables. */
  readonly bytes: number;
  /** The path of a table's COPY text, which the server may read. */
  textOf(table: string): string;
}

/**
 * Settings for large loads, without random influences: no autovacuum, no timed checkpoint. WAL has
 * the level that replication and pgBackRest need.
 */
const SETTINGS = {
  autovacuum: 'off',
  checkpoint_timeout: '1d',
  max_wal_size: '16GB',
  shared_buffers: '512MB',
  wal_level: 'replica',
  max_wal_senders: '4',
  max_locks_per_transaction: '1024',
};

export async function startServers(
  bench: Bench,
  count: number,
  { settings, ...options }: LocalServerOptions = {},
): Promise<TestServer[]> {
  const sockets = socketFolder(bench);
  await mkdir(sockets, { recursive: true });
  await chmod(sockets, 0o777);
  return startCluster(count, {
    databases: [DATABASE],
    ...options,
    settings: { ...SETTINGS, unix_socket_directories: sockets, ...settings },
  });
}

/**
 * Runs `work` with its own server.
 * @param keeps whether the store keeps large objects, so that they can be read again
 */
export async function withServer<T>(
  bench: Bench,
  keeps: boolean,
  work: (server: TestServer) => Promise<T>,
  options: LocalServerOptions = {},
): Promise<T> {
  const [server] = await startServers(bench, 1, options);
  if (server === undefined) throw new Error('no server was started');
  try {
    await bench.store.ready(keeps);
    return await work(server);
  } finally {
    await server.stop();
  }
}

/** A short name: the path of a socket can have at most 107 bytes. */
export const socketFolder = ({ home }: Pick<Bench, 'home'>) => join(home, 's');

/** The folder of the tables as COPY text. */
export const textFolder = ({ home }: Pick<Bench, 'home'>) => join(home, 'text');

/** Creates and fills tables of one shape over two connections. */
export async function makeTables(
  bench: Bench,
  server: TestServer,
  tables: readonly string[],
  shape: Shape,
  bytesEach: number,
): Promise<void> {
  bench.log(`filling ${tables.length} × ${(bytesEach / 1e9).toFixed(2)} GB of ${shape.name}`);
  for (const table of tables) await server.psql(createTable(table, shape), DATABASE);
  const shares = tables.flatMap((table) => [0, 1].map((share) => ({ table, share })));
  await eachInFlight(shares, 2, ({ table, share }) =>
    server.psql(fillTable(table, shape, bytesEach, [share, 2]), DATABASE),
  );
  await server.psql('VACUUM (FREEZE, ANALYZE)', DATABASE);
}

/** Creates and fills tables, and writes each as COPY text to measure its size. */
export async function fill(
  bench: Bench,
  server: TestServer,
  tables: readonly string[],
  shape: Shape,
  bytesEach: number,
): Promise<Source> {
  await makeTables(bench, server, tables, shape, bytesEach);
  const folder = textFolder(bench);
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o777);
  const textOf = (table: string) => join(folder, `${table}.txt`);
  let bytes = 0;
  for (const table of tables) {
    await server.psql(`COPY ${table} TO '${textOf(table)}'`, DATABASE);
    bytes += (await stat(textOf(table))).size;
  }
  await server.psql('CHECKPOINT', DATABASE);
  return { server, tables, bytes, textOf };
}

/** Runs a CHECKPOINT, so that every run begins in the same state. */
export async function checkpoint(servers: readonly TestServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.psql('CHECKPOINT')));
}
