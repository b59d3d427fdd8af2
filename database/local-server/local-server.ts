import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { StowageError } from '../../backup-set/base/errors.ts';

import {
  copyData,
  initialise,
  makeFolder,
  makeHome,
  type Owner,
  SUPERUSER,
  serverOwner,
} from './data.ts';
import { launch, shutDown, untilReady } from './launch.ts';
import { giveOwnIdentifier } from './own-identifier.ts';
import { serverPrograms } from './programs.ts';

/**
 * A PostgreSQL server for the demo, drills and the tests. `stop` deletes its data: never keep
 * anything in it.
 */
export interface LocalServer {
  /** `127.0.0.1`, or the folder of its socket. */
  readonly host: string;
  readonly port: number;
  /** The superuser. */
  readonly user: string;
  readonly binDir: string;
  readonly pid: number;
  /** A new folder beside its data, which `stop` deletes. */
  makeFolder(name: string): Promise<string>;
  /** Shuts the server down within a bounded time and deletes its data. Safe to call twice. */
  stop(): Promise<void>;
}

export interface LocalServerOptions {
  /** Absent: every local user may connect. Given: scram-sha-256 with this password. */
  readonly password?: string;
  /** Settings of postgresql.conf that replace the defaults below. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The folder of PostgreSQL's programs; absent = searched for. */
  readonly binDir?: string;
  /** No TCP port: only the user that runs this program reaches the server. */
  readonly isSocketOnly?: boolean;
  /** A folder of `makeData` for these programs. It is copied, which costs less than initdb. */
  readonly copyOf?: string;
}

/** Another process can take the port between our look and the server's bind. */
const PORT_ATTEMPTS_MAX = 5;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  // No socket: the usual folder belongs to another user, and a temporary path may be too long.
  unix_socket_directories: '',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '60',
  // /dev/shm is 64 MB in many containers.
  dynamic_shared_memory_type: 'mmap',
  jit: 'off',
} as const;

/**
 * Starts `count` servers, each with its own data. initdb runs once and its result is copied, which
 * takes a tenth of the time. When one does not start, all are stopped.
 * @throws StowageError `database/tool`.
 */
export async function startLocalServers(
  count: number,
  options: LocalServerOptions = {},
): Promise<readonly LocalServer[]> {
  const binDir = await serverPrograms(options.binDir);
  const owner = await serverOwner();
  const homes: string[] = [];
  try {
    for (let index = 0; index < count; index += 1) homes.push(await makeHome(owner));
    const [first, ...others] = homes;
    if (first === undefined) return [];
    const { copyOf } = options;
    if (copyOf === undefined) await initialise(binDir, first, owner, options.password);
    for (const other of copyOf === undefined ? others : homes) {
      await copyData(copyOf ?? first, other, owner);
      await giveOwnIdentifier(
        join(other, 'data'),
        BigInt.asUintN(63, randomBytes(8).readBigUInt64LE()),
      );
    }
  } catch (error) {
    await Promise.all(homes.map(removeHome));
    throw error;
  }
  return allOrStopped(homes.map((home) => startServer(binDir, home, owner, options)));
}

/** The data of a server without a password, for `copyOf`. @returns its folder. */
export async function makeData(options: Pick<LocalServerOptions, 'binDir'> = {}): Promise<string> {
  const owner = await serverOwner();
  const home = await makeHome(owner);
  try {
    await initialise(await serverPrograms(options.binDir), home, owner, undefined);
  } catch (error) {
    await removeHome(home);
    throw error;
  }
  return home;
}

async function startServer(
  binDir: string,
  home: string,
  owner: Owner,
  options: LocalServerOptions,
): Promise<LocalServer> {
  const sockets = options.isSocketOnly === true ? requireShort(home) : undefined;
  try {
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      const place = sockets && { listen_addresses: '', unix_socket_directories: sockets };
      const settings = { ...SETTINGS, ...options.settings, ...place, port: String(port) };
      const server = await launch({
        program: join(binDir, 'postgres'),
        home,
        owner,
        settings,
      });
      const failure = await untilReady(home, server);
      if (failure === undefined) {
        return {
          host: sockets ?? '127.0.0.1',
          port,
          user: SUPERUSER,
          binDir,
          pid: server.pid,
          makeFolder: (name) => makeFolder(home, name, owner),
          stop: async () => {
            await shutDown(server);
            await removeHome(home);
          },
        };
      }
      await shutDown(server);
      if (attempt === PORT_ATTEMPTS_MAX || !failure.includes('Address already in use'))
        throw new StowageError(
          'database/tool',
          `postgres did not start on port ${port}: ${failure}`,
        );
    }
  } catch (error) {
    await removeHome(home);
    throw error;
  }
}

/** Linux allows 107 bytes for the path of a socket. */
const SOCKET_PATH_MAX = 107;

/** @throws StowageError `database/tool`. */
function requireShort(home: string): string {
  const longest = join(home, '.s.PGSQL.65535');
  if (Buffer.byteLength(longest) <= SOCKET_PATH_MAX) return home;
  throw new StowageError(
    'database/tool',
    `the path of a socket in ${home} is too long for this system: set TMPDIR to a shorter folder`,
  );
}

async function removeHome(home: string): Promise<void> {
  await rm(home, { recursive: true, force: true, maxRetries: 3 });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string')
    throw new StowageError('internal', 'the system gave no free port');
  return address.port;
}

async function allOrStopped(
  starting: readonly Promise<LocalServer>[],
): Promise<readonly LocalServer[]> {
  const outcomes = await Promise.allSettled(starting);
  const started = outcomes.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map((server) => server.stop()));
  throw failed.reason;
}
