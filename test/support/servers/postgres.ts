import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { ConnectionTarget } from '../../../database/flavour.ts';
import {
  type LocalServer,
  type LocalServerOptions,
  startLocalServers,
} from '../../../database/local-server/local-server.ts';
import { SHARED_DATA } from './shared-data.ts';

export interface TestServer extends LocalServer {
  /** What psql prints with -At; throws with the server's message on the first error. */
  psql(sql: string, database?: string): Promise<string>;
  target(database?: string, content?: number): ConnectionTarget;
}

export interface TestServerOptions extends LocalServerOptions {
  /** Created after the start, on every server. */
  readonly databases?: readonly string[];
}

/** Runs the tests on another PostgreSQL than the one in PATH. */
const OTHER_BIN = process.env['STOWAGE_TEST_POSTGRES_BIN'] || undefined;

/** One real PostgreSQL server on a free port. */
export async function startPostgres(options: TestServerOptions = {}): Promise<TestServer> {
  const [server] = await startCluster(1, options);
  if (server === undefined) throw new Error('no server was started');
  return server;
}

/** Several servers; content ids are their places in the list. */
export async function startCluster(
  count: number,
  options: TestServerOptions = {},
): Promise<TestServer[]> {
  const binDir = options.binDir ?? OTHER_BIN;
  const copyOf = process.env[SHARED_DATA];
  const mayCopy = options.password === undefined && options.binDir === undefined;
  const all = {
    ...options,
    ...(binDir !== undefined && { binDir }),
    ...(mayCopy && copyOf !== undefined && { copyOf }),
  };
  const servers = (await startLocalServers(count, all)).map((server, content) =>
    asTestServer(server, content, options),
  );
  for (const database of options.databases ?? []) {
    const quoted = `"${database.replaceAll('"', '""')}"`;
    await Promise.all(servers.map((server) => server.psql(`CREATE DATABASE ${quoted}`)));
  }
  return servers;
}

export async function stopAll(servers: readonly TestServer[] | undefined): Promise<void> {
  await Promise.all((servers ?? []).map((server) => server.stop()));
}

function asTestServer(
  server: LocalServer,
  content: number,
  options: TestServerOptions,
): TestServer {
  const target = (database = 'postgres', id = content): ConnectionTarget => ({
    content: id,
    host: server.host,
    port: server.port,
    user: server.user,
    database,
    binDir: server.binDir,
    ...(options.password === undefined ? {} : { password: options.password }),
  });
  return { ...server, target, psql: (sql, database) => outputOf(target(database), sql) };
}

/** Without psql, which costs ten times the CPU of one more connection. */
const ONE_SELECT = /^\s*SELECT\b[^;\\]*;?\s*$/i;

const outputOf = (target: ConnectionTarget, sql: string) =>
  ONE_SELECT.test(sql) ? selected(target, sql) : psql(target, sql);

/** The rows of one SELECT, as psql prints them. */
async function selected(target: ConnectionTarget, sql: string): Promise<string> {
  const { host, port, user, database, password } = target;
  const client = new pg.Client({
    ...{ host, port, user, database },
    ...(password !== undefined && { password }),
    application_name: 'stowage-test-psql',
    client_encoding: 'UTF8',
    types: { getTypeParser: () => String },
  });
  // A server that ends closes the connection, and the query says so.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<(string | null)[]>({ text: sql, rowMode: 'array' });
    return rows.map((row) => row.map((value) => value ?? '').join('|')).join('\n');
  } finally {
    await client.end();
  }
}

const run = promisify(execFile);

async function psql(target: ConnectionTarget, sql: string): Promise<string> {
  const child = run(
    join(target.binDir ?? '', 'psql'),
    ['-X', '-At', '-q', '-v', 'ON_ERROR_STOP=1', '-f', '-'],
    {
      maxBuffer: 256 * 1024 * 1024,
      env: {
        PGHOST: target.host,
        PGPORT: String(target.port),
        PGUSER: target.user,
        PGDATABASE: target.database,
        PGPASSWORD: target.password ?? '',
        PGAPPNAME: 'stowage-test-psql',
        PGCLIENTENCODING: 'UTF8',
      },
    },
  );
  // psql that cannot connect ends before it reads: its exit code and message say why.
  child.child.stdin?.on('error', () => undefined).end(sql);
  return (await child).stdout.replace(/\n$/, '');
}
