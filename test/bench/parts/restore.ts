/**
 * `node test/bench/parts/restore.ts`: restores the rows of one table from a bucket in memory into
 * PostgreSQL. Compares a shipper over one connection, a shipper over four connections, and
 * `curl | zstd -dc | psql -c 'COPY … FROM STDIN'`, in turns. Prints CPU seconds per GB (10⁹ bytes)
 * of rows for the client and the database separately, and wall times: medians and raw values.
 *
 * Arguments: --megabytes 1000 --rounds 3 --entry dist/segment-shipper.js (repeat --entry to compare
 * builds)
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeExit, exitOf, tailOf } from '../../../async/child-process.ts';
import { lockForRestore } from '../../../database/target/restore-lock.ts';
import { CONTROL_VERSION } from '../../../segment-shipper/protocol/control.ts';
import { SHIPPER_FLAGS } from '../../../segment-shipper/protocol/node-flags.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { bigTable } from '../../support/trouble/trouble.ts';
import { endedChildrenMs, serverMs } from '../measure/cpu.ts';
import { watchMemory } from '../measure/memory.ts';
import { median } from '../report/result.ts';
import { ORDER_KEY, PACK_KEY, type Packed, packTable, RESTORE, TABLE } from './restore-pack.ts';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    entry: {
      type: 'string',
      multiple: true,
      default: [fileURLToPath(new URL('../../../segment-shipper/main.ts', import.meta.url))],
    },
  },
});
const BUCKET = 'bench';

interface Measured {
  readonly name: string;
  readonly clientMs: number;
  readonly serverMs: number;
  readonly wallMs: number;
  readonly peakBytes?: number;
}

process.env['AWS_ACCESS_KEY_ID'] = 'bench';
process.env['AWS_SECRET_ACCESS_KEY'] = 'bench';

const store = spawn(
  process.execPath,
  [fileURLToPath(new URL('restore-store.ts', import.meta.url))],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
const [port] = (await once(store.stdout, 'data')) as [Buffer];
const endpoint = `http://127.0.0.1:${String(port).trim()}`;
const server = await startPostgres({ settings: { max_wal_size: '8GB', shared_buffers: '512MB' } });
try {
  const packed = await prepare(server);
  // As the command line does: without its lock the shippers carry out no order.
  await lockForRestore(server.target(), RESTORE, new AbortController().signal);
  const runs: Measured[] = [];
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    runs.push(await measured('curl | zstd -dc | psql', server, () => pipeline(server, packed)));
    for (const entry of values.entry) {
      for (const workers of [1, 4])
        runs.push(
          await measured(`${workers} connections, ${entry}`, server, () =>
            shipper(server, entry, workers),
          ),
        );
    }
  }
  report(runs, packed);
} finally {
  store.kill();
  await server.stop();
}

async function prepare(server: TestServer): Promise<Packed> {
  print(`filling a table with ${values.megabytes} MB of rows`);
  for (const sql of bigTable(Number(values.megabytes))) await server.psql(sql);
  const packed = await packTable(server);
  await fetch(`${endpoint}/${BUCKET}/${PACK_KEY}`, {
    method: 'PUT',
    body: new Uint8Array(packed.pack),
  });
  await fetch(`${endpoint}/${BUCKET}/${ORDER_KEY}`, {
    method: 'PUT',
    body: JSON.stringify(packed.order),
  });
  return packed;
}

async function measured(
  name: string,
  server: TestServer,
  work: () => Promise<number | undefined>,
): Promise<Measured> {
  await server.psql(`TRUNCATE ${TABLE}`);
  await server.psql('CHECKPOINT');
  const [client, database] = [await endedChildrenMs(), await serverMs(server.pid)];
  const startedAt = performance.now();
  const peakBytes = await work();
  const wallMs = performance.now() - startedAt;
  // Linux adds the time of a backend to the postmaster only after the postmaster has waited for it.
  await sleep(500);
  const run: Measured = {
    name,
    wallMs,
    clientMs: (await endedChildrenMs()) - client,
    serverMs: (await serverMs(server.pid)) - database,
    ...(peakBytes !== undefined && { peakBytes }),
  };
  print(JSON.stringify(run));
  return run;
}

async function pipeline(
  { binDir, host, port, user }: TestServer,
  { pack }: Packed,
): Promise<undefined> {
  const get = `curl -sf -r 0-${pack.length - 1} ${endpoint}/${BUCKET}/${PACK_KEY}`;
  const load = `${binDir}/psql -X -q -h ${host} -p ${port} -U ${user} -d postgres -c 'COPY ${TABLE} FROM STDIN'`;
  const child = spawn('bash', ['-c', `set -euo pipefail; ${get} | zstd -dcq | ${load}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exit = await exitOf(child);
  if (exit.code !== 0) throw new Error(`the pipeline ended with ${describeExit(exit)}`);
}

/**
 * Runs a shipper with one order, as the coordinator starts it. Returns its peak memory in bytes.
 */
async function shipper(server: TestServer, entry: string, workers: number): Promise<number> {
  const child = spawn(process.execPath, [...nodeOptions(), entry], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const job = {
    control: CONTROL_VERSION,
    type: 'restore',
    content: 0,
    target: server.target(),
    store: { root: `s3://${BUCKET}`, s3: { endpoint } },
    workers,
    fifoBase: '/tmp',
    restore: RESTORE,
  };
  for (const line of [job, { type: 'order', phase: 'data' }, { type: 'end' }])
    child.stdin.write(`${JSON.stringify(line)}\n`);
  // Not the peak that the kernel reports of an ended child: it includes the size of this process,
  // which holds the pack, at the time of the fork.
  const memory = watchMemory([server.pid], [store.pid ?? -1]);
  const output = tailOf(child.stdout, 1_000_000);
  const exit = await exitOf(child);
  const { shipperBytes } = memory.stop();
  if (exit.code !== 0 || !output.text().includes('"status":"done"'))
    throw new Error(`the shipper ended with ${describeExit(exit)}: ${output.text().slice(-1000)}`);
  const key = `restores/${RESTORE}/receipts/data/0.json`;
  const receipt = (await (await fetch(`${endpoint}/${BUCKET}/${key}`)).json()) as {
    status: string;
  };
  if (receipt.status !== 'done') throw new Error(JSON.stringify(receipt));
  return shipperBytes;
}

/** The flags of a shipper. For a profile, set `BENCH_NODE_OPTIONS='--cpu-prof'`. */
function nodeOptions(): string[] {
  const more = (process.env['BENCH_NODE_OPTIONS'] ?? '')
    .split(' ')
    .filter((option) => option !== '');
  return [...SHIPPER_FLAGS, ...more];
}

function report(runs: readonly Measured[], { bytes, pack }: Packed): void {
  const perGb = (ms: number) => ms / 1000 / (bytes / 1e9);
  print(
    `\n${(bytes / 1e9).toFixed(2)} GB of rows, stored ${(pack.length / 1e9).toFixed(2)} GB; medians`,
  );
  const byName = Map.groupBy(runs, ({ name }) => name);
  const [base = []] = byName.values();
  for (const [name, some] of byName) {
    const of = (field: 'clientMs' | 'serverMs' | 'wallMs', among = some) =>
      median(among.map((run) => run[field]));
    const ratio = (field: 'clientMs' | 'wallMs') => (of(field) / of(field, base)).toFixed(2);
    const peak = Math.max(...some.map(({ peakBytes = 0 }) => peakBytes)) / 1024 / 1024;
    print(
      `${name}: client ${perGb(of('clientMs')).toFixed(2)} s/GB (${ratio('clientMs')} ×), database ${perGb(of('serverMs')).toFixed(1)} s/GB, wall ${perGb(of('wallMs')).toFixed(1)} s/GB (${ratio('wallMs')} ×)${peak > 0 ? `, peak ${peak.toFixed(0)} MiB` : ''}`,
    );
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
