/**
 * `node test/bench/receive.ts [--gb 1] [--rounds 3]`: what receiving a table costs the client, beside psql and beside pg-copy-streams, in turns: user and system CPU of the
 * client process alone, and of the server, per GB of COPY text; over TCP on the loopback and over a Unix socket.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { startPostgres } from '../support/postgres.ts';
import { endedChildrenMs, serverMs } from './cpu.ts';
import { makeReceiveTables, RECEIVE_TABLES, type ReceiveTable } from './receive-tables.ts';

const { values } = parseArgs({
  options: { gb: { type: 'string', default: '1' }, rounds: { type: 'string', default: '3' } },
});

interface Run {
  readonly clientMs: number;
  readonly serverMs: number;
  readonly wallMs: number;
}

const sockets = await mkdtemp('/tmp/stowage-socket-');
/** One file, as the product is: to compile a hundred would be counted as receiving. */
const [OURS, STREAMS] = ['receive-child', 'receive-streams-child'];
await build({
  entryPoints: [OURS, STREAMS].map((name) => join(import.meta.dirname, `${name}.ts`)),
  outdir: sockets,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  external: ['pg-native'],
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
});
// The server may run as another user.
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

async function compare(table: ReceiveTable): Promise<void> {
  const received = JSON.parse(await output(process.execPath, child(OURS, table, server.host))) as Received;
  const ways = {
    'psql tcp': () => run(join(server.binDir, 'psql'), psql(table, server.host)),
    'stowage tcp': () => run(process.execPath, child(OURS, table, server.host)),
    'pg-copy-streams tcp': () => run(process.execPath, child(STREAMS, table, server.host)),
    'psql unix': () => run(join(server.binDir, 'psql'), psql(table, sockets)),
    'stowage unix': () => run(process.execPath, child(OURS, table, sockets)),
  };
  const runs = new Map<string, Run[]>(Object.keys(ways).map((way) => [way, []]));
  for (let round = 0; round < Number(values.rounds); round += 1)
    for (const [way, go] of Object.entries(ways)) runs.get(way)?.push(await go());
  const gb = received.bytes / 1e9;
  console.log(
    `${table}: ${gb.toFixed(2)} GB, ${received.rows} rows, ${received.blocks} blocks, ${(received.maxRss / 1e6).toFixed(0)} MB of memory`,
  );
  const perGb = (way: string, field: keyof Run) =>
    median((runs.get(way) ?? []).map((each) => each[field])) / 1000 / gb;
  for (const way of runs.keys()) {
    const base = `psql ${way.split(' ').at(-1)}`;
    const ratio = perGb(way, 'clientMs') / perGb(base, 'clientMs');
    const raw = (runs.get(way) ?? []).map(({ clientMs }) => (clientMs / 1000 / gb).toFixed(2)).join(' ');
    console.log(
      `  ${way.padEnd(19)} client ${perGb(way, 'clientMs').toFixed(2)} s/GB (${ratio.toFixed(2)} of psql; ${raw}), server ${perGb(way, 'serverMs').toFixed(1)}, wall ${perGb(way, 'wallMs').toFixed(1)}`,
    );
  }
}

interface Received {
  readonly bytes: number;
  readonly rows: number;
  readonly blocks: number;
  readonly maxRss: number;
}

function child(program: string, table: ReceiveTable, host: string): string[] {
  return ['--max-semi-space-size=2', join(sockets, `${program}.mjs`), host, String(server.port), table];
}

function psql(table: ReceiveTable, host: string): string[] {
  const place = ['-h', host, '-p', String(server.port), '-U', server.user, '-d', 'postgres'];
  return ['-X', '-q', ...place, '-c', `COPY ${table} TO STDOUT`];
}

/** Everything printed goes to /dev/null. */
async function run(program: string, args: readonly string[]): Promise<Run> {
  const client = await endedChildrenMs();
  const database = await serverMs(server.pid);
  const startedAt = performance.now();
  const [code] = (await once(spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit')) as [
    number,
  ];
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  const wallMs = performance.now() - startedAt;
  return {
    clientMs: (await endedChildrenMs()) - client,
    serverMs: (await serverMs(server.pid)) - database,
    wallMs,
  };
}

async function output(program: string, args: readonly string[]): Promise<string> {
  const process = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const parts: Buffer[] = [];
  for await (const part of process.stdout) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
