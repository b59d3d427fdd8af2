/**
 * `node test/bench/parts/start.ts [--rounds 15] [--json]`, after `npm run build`: compares the cost
 * of a shipper process for one relation of 1 KB with `node -e 0`, and with rclone and aws-cli that
 * store the same bytes, in turns. Prints user and system time of each process.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeExit, exitOf } from '../../../async/child-process.ts';
import type { Report } from '../../../segment-shipper/protocol/control.ts';
import { SHIPPER_FLAGS } from '../../../segment-shipper/protocol/node-flags.ts';
import { backupJob, holdSnapshot } from '../../integration/shipper/shipper.ts';
import { startPostgres } from '../../support/servers/postgres.ts';
import { median } from '../report/result.ts';
import { startSink } from './sink.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, json: { type: 'boolean', default: false } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error('--rounds takes a whole number above 0');

const SHIPPER = fileURLToPath(new URL('../../../dist/segment-shipper.js', import.meta.url));
const STOWAGE = fileURLToPath(new URL('../../../dist/stowage.js', import.meta.url));
const PAYLOAD = 'x'.repeat(1000);

interface Sample {
  readonly cpuMs: number;
  readonly wallMs: number;
  /** The value in the shipper's report `done`. */
  readonly ownCpuMs?: number;
}

interface Contender {
  readonly name: string;
  readonly run: () => Promise<Sample>;
}

await access(SHIPPER).catch(() => {
  throw new Error('dist/segment-shipper.js does not exist: run npm run build');
});
const home = await mkdtemp(join(tmpdir(), 'stowage-start-'));
const sink = await startSink();
const server = await startPostgres();
try {
  await server.psql(`CREATE TABLE small AS SELECT '${PAYLOAD}'::text AS t`);
  const held = await holdSnapshot(server);
  // rclone does not start with this variable.
  const { AWS_CA_BUNDLE: _, ...inherited } = process.env;
  const env = { ...inherited, ...sink.env };
  const ship = (root: string) => {
    const table = { name: 'small', columns: ['t'] };
    const store = { root, s3: { endpoint: sink.endpoint, region: 'us-east-1' } };
    const job = backupJob(server, held.id, home, [table], { metadata: [], store });
    return measured([process.execPath, ...SHIPPER_FLAGS, SHIPPER], `${JSON.stringify(job)}\n`, {
      env,
      isJob: true,
    });
  };
  const contenders: Contender[] = [
    { name: 'node -e 0', run: () => measured([process.execPath, '-e', '0']) },
    { name: 'shipper, 1 KB to S3', run: () => ship(`s3://bench/${randomUUID()}`) },
    { name: 'shipper, 1 KB to a directory', run: () => ship(`file://${join(home, randomUUID())}`) },
    { name: 'rclone rcat', run: () => measured(rclone(sink.endpoint), PAYLOAD, { env }) },
    { name: 'aws s3 cp -', run: () => measured(aws(sink.endpoint), PAYLOAD, { env }) },
    { name: 'stowage --version', run: () => measured([process.execPath, STOWAGE, '--version']) },
    { name: 'stowage --help', run: () => measured([process.execPath, STOWAGE, '--help']) },
    {
      name: 'stowage backup --help',
      run: () => measured([process.execPath, STOWAGE, 'backup', '--help']),
    },
  ];
  const samples = new Map(contenders.map(({ name }) => [name, [] as Sample[]]));
  // The first round is not counted: it fills the page cache and Node's compile cache.
  for (let round = 0; round <= rounds; round++) {
    for (const { name, run } of contenders) {
      const sample = await run();
      if (round > 0) samples.get(name)?.push(sample);
    }
  }
  await held.session.close();
  print(samples);
} finally {
  await server.stop();
  await sink.stop();
  await rm(home, { recursive: true, force: true });
}

function rclone(endpoint: string): string[] {
  const settings = [
    '--s3-provider=Other',
    '--s3-env-auth',
    '--s3-no-check-bucket',
    `--s3-endpoint=${endpoint}`,
  ];
  return ['rclone', '--config=/dev/null', ...settings, 'rcat', ':s3:bench/rclone'];
}

function aws(endpoint: string): string[] {
  return ['aws', '--endpoint-url', endpoint, 's3', 'cp', '-', 's3://bench/aws'];
}

/** Runs a command under bash's `time`, which prints the kernel's CPU times to the millisecond. */
async function measured(
  command: readonly string[],
  input = '',
  { env = process.env, isJob = false }: { env?: NodeJS.ProcessEnv; isJob?: boolean } = {},
): Promise<Sample> {
  const script = 'TIMEFORMAT="%3U %3S"; time "$@" 2> /dev/null';
  const startedAt = performance.now();
  const child = spawn('bash', ['-c', script, 'bash', ...command], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.write(input);
  // A shipper takes the end of standard input for the end of the coordinator.
  if (!isJob) child.stdin.end();
  const closed = exitOf(child);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const exit = await closed;
  if (exit.code !== 0)
    throw new Error(`${command.join(' ')} ended with ${describeExit(exit)}: ${out}${err}`);
  const cpuMs =
    err
      .trim()
      .split(' ')
      .map(Number)
      .reduce((a, b) => a + b) * 1000;
  const last = isJob ? (JSON.parse(out.trim().split('\n').at(-1) ?? '') as Report) : undefined;
  return {
    cpuMs,
    wallMs: performance.now() - startedAt,
    ...(last?.type === 'done' && { ownCpuMs: last.cpuMs }),
  };
}

function print(all: ReadonlyMap<string, readonly Sample[]>): void {
  const rows = [...all].map(([name, runs]) => ({
    name,
    cpuMs: median(runs.map(({ cpuMs }) => cpuMs)),
    minCpuMs: Math.min(...runs.map(({ cpuMs }) => cpuMs)),
    maxCpuMs: Math.max(...runs.map(({ cpuMs }) => cpuMs)),
    wallMs: median(runs.map(({ wallMs }) => wallMs)),
    ownCpuMs: median(runs.flatMap(({ ownCpuMs }) => ownCpuMs ?? [])),
  }));
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ node: process.version, rounds, rows })}\n`);
    return;
  }
  const cell = (value: number) => (Number.isNaN(value) ? '–' : value.toFixed(0)).padStart(9);
  const lines = rows.map((row) =>
    [row.cpuMs, row.minCpuMs, row.maxCpuMs, row.ownCpuMs, row.wallMs].map(cell).join(''),
  );
  const heads = ['CPU ms', 'minimum', 'maximum', 'reported', 'wall ms']
    .map((head) => head.padStart(9))
    .join('');
  process.stdout.write(
    `medians of ${rounds} rounds, Node ${process.version}\n${' '.repeat(30)}${heads}\n`,
  );
  for (const [index, { name }] of rows.entries())
    process.stdout.write(`${name.padEnd(30)}${lines[index] ?? ''}\n`);
}
