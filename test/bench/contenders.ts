import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import pMap from 'p-map';
import { endedChildrenMs, serverMs, watchMemory } from './cpu.ts';
import { type Place, SOURCE } from './place.ts';

/** One thing measured once. */
export interface Measured {
  readonly wallMs: number;
  /** The program and all it started, without the database. */
  readonly clientCpuMs: number;
  readonly serverCpuMs: number;
  /** The largest peak of one shipper; absent where there is none. */
  readonly shipperPeakBytes?: number;
  /** What the command printed. */
  readonly result?: unknown;
}

const COPIED = 'baseline';
export const RESTORED = 'restored';

/** `stowage backup`. */
export function backup(place: Place): Promise<Measured> {
  return measured(place, () => stowage(place, 'backup'));
}

/** `stowage restore` into a database of its own, which is dropped again. */
export async function restore(place: Place, timestamp: string, flags: readonly string[]): Promise<Measured> {
  const run = await measured(place, () =>
    stowage(place, 'restore', timestamp, '--create', '--database', RESTORED, ...flags),
  );
  await place.server.psql(`DROP DATABASE ${RESTORED}`);
  await place.server.psql('CHECKPOINT');
  return run;
}

/** `psql COPY TO STDOUT | zstd -1 > file`, as many tables at once as the shipper has workers. */
export function copyOut(place: Place, workers: number): Promise<Measured> {
  return measured(place, async () => {
    await pMap(
      place.tables,
      (table) =>
        shell(
          place,
          SOURCE,
          `psql -X -q -c 'COPY ${table} TO STDOUT' | zstd -1 -q -f -o ${fileOf(place, table)}`,
        ),
      { concurrency: workers },
    );
    return {};
  });
}

/** `zstd -dc file | psql COPY FROM STDIN` into empty tables without indexes, as those that a restore fills. */
export async function copyIn(place: Place, workers: number): Promise<Measured> {
  const { server, tables } = place;
  await server.psql(`CREATE DATABASE ${COPIED}`);
  await shell(
    place,
    COPIED,
    `pg_dump --schema-only ${SOURCE} | psql -X -q -v ON_ERROR_STOP=1 > ${join(place.home, 'ddl.log')}`,
  );
  const run = await measured(place, async () => {
    await pMap(
      tables,
      (table) =>
        shell(place, COPIED, `zstd -dcq ${fileOf(place, table)} | psql -X -q -c 'COPY ${table} FROM STDIN'`),
      { concurrency: workers },
    );
    return {};
  });
  await server.psql(`DROP DATABASE ${COPIED}`);
  await server.psql('CHECKPOINT');
  return run;
}

const fileOf = ({ home }: Place, table: string) => join(home, 'baseline', `${table}.zst`);

async function measured(
  { server }: Place,
  work: () => Promise<{ peak?: number; result?: unknown }>,
): Promise<Measured> {
  const [client, database] = [await endedChildrenMs(), await serverMs(server.pid)];
  const startedAt = performance.now();
  const { peak, result } = await work();
  const wallMs = performance.now() - startedAt;
  return {
    wallMs,
    clientCpuMs: (await endedChildrenMs()) - client,
    serverCpuMs: (await serverMs(server.pid)) - database,
    ...(peak === undefined ? {} : { shipperPeakBytes: peak }),
    ...(result === undefined ? {} : { result }),
  };
}

async function stowage(place: Place, ...args: string[]): Promise<{ peak: number; result: unknown }> {
  const [program = '', ...first] = place.stowage;
  const child = spawn(program, [...first, ...args], { env: place.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const memory = watchMemory(child.pid ?? -1);
  try {
    const closed = once(child, 'close');
    const [out, err] = await Promise.all([collect(child.stdout), collect(child.stderr)]);
    const [code] = (await closed) as [number | null];
    if (code !== 0)
      throw new Error(`stowage ${args.join(' ')} ended with ${String(code)}: ${out}${err.slice(-2000)}`);
    return { peak: Math.max(0, ...memory.peaks.values()), result: JSON.parse(out) };
  } finally {
    memory.stop();
  }
}

async function shell({ server }: Place, database: string, command: string): Promise<void> {
  const env = {
    PATH: `${server.binDir}:${process.env['PATH'] ?? ''}`,
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGDATABASE: database,
  };
  const child = spawn('bash', ['-c', `set -euo pipefail; ${command}`], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const closed = once(child, 'close');
  const said = await collect(child.stderr);
  const [code] = (await closed) as [number | null];
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${said}`);
}

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += String(chunk);
  return text;
}
