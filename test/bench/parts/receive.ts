/**
 * `node test/bench/parts/receive.ts [--gb 1] [--rounds 3]`: compares what receiving a table costs
 * with Stowage, with psql and with pg-copy-streams. Prints user and system CPU of the client
 * process and of the server per GB of COPY text, over TCP on the loopback and over a Unix socket.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { startPostgres } from '../../support/servers/postgres.ts';
import { bundle, type Client, inTurns, perGigabyte } from './client-cost.ts';
import { makeReceiveTables, RECEIVE_TABLES, type ReceiveTable } from './receive-tables.ts';

const { values } = parseArgs({
  options: { gb: { type: 'string', default: '1' }, rounds: { type: 'string', default: '3' } },
});

const sockets = await mkdtemp('/tmp/stowage-socket-');
const [OURS, STREAMS] = ['receive-child', 'receive-streams-child'];
await bundle(sockets, OURS, STREAMS);
// The server may run as another user, and creates its socket there.
await chmod(sockets, 0o777);
const server = await startPostgres({
  settings: { unix_socket_directories: sockets, shared_buffers: '256MB' },
});
try {
  await makeReceiveTables(server, Number(values.gb) * 1e9);
  const tables = Object.keys(RECEIVE_TABLES) as ReceiveTable[];
  for (const table of tables) await compare(table);
} finally {
  await server.stop();
  await rm(sockets, { recursive: true });
}

interface Received {
  readonly bytes: number;
  readonly rows: number;
  readonly blocks: number;
  readonly maxRss: number;
}

async function compare(table: ReceiveTable): Promise<void> {
  const [node = '', ...args] = child(OURS, table, server.host).command;
  const received = JSON.parse((await promisify(execFile)(node, args)).stdout) as Received;
  const costs = await inTurns(Number(values.rounds), server, {
    'psql tcp': psql(table, server.host),
    'stowage tcp': child(OURS, table, server.host),
    'pg-copy-streams tcp': child(STREAMS, table, server.host),
    'psql unix': psql(table, sockets),
    'stowage unix': child(OURS, table, sockets),
  });
  console.log(
    `${table}: ${(received.bytes / 1e9).toFixed(2)} GB, ${received.rows} rows, ${received.blocks} blocks, ${(received.maxRss / 1e6).toFixed(0)} MB of memory`,
  );
  const spent = (way: string) => perGigabyte(costs.get(way) ?? [], received.bytes);
  for (const way of costs.keys()) {
    const { client, server: database, wall, raw } = spent(way);
    const ratio = client / spent(`psql ${way.split(' ').at(-1)}`).client;
    console.log(
      `  ${way.padEnd(19)} client ${client.toFixed(2)} s/GB (${ratio.toFixed(2)} × psql; ${raw}), server ${database.toFixed(1)}, wall ${wall.toFixed(1)}`,
    );
  }
}

function child(program: string, table: ReceiveTable, host: string): Client {
  const node = [process.execPath, '--max-semi-space-size=2', join(sockets, `${program}.mjs`)];
  return { command: [...node, host, String(server.port), table] };
}

function psql(table: ReceiveTable, host: string): Client {
  const place = ['-h', host, '-p', String(server.port), '-U', server.user, '-d', 'postgres'];
  return {
    command: [join(server.binDir, 'psql'), '-X', '-q', ...place, '-c', `COPY ${table} TO STDOUT`],
  };
}
