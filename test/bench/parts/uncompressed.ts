/**
 * `node test/bench/parts/uncompressed.ts [--gb 1] [--rounds 3]`: measures what a shipper costs the
 * client per GB of rows (lineitem) without compression: receiving, computing digests and uploading,
 * over HTTP and over TLS. Compares it with psql piped into rclone and aws-cli, if they are
 * installed.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { SHIPPER_FLAGS } from '../../../segment-shipper/protocol/node-flags.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import {
  awsFlags,
  awsVariables,
  BUCKET,
  openStoreFor,
  rcloneVariables,
  type Store,
} from '../setup/store.ts';
import { findTools } from '../setup/tools.ts';
import { BASE, bundle, type Client, inTurns, perGigabyte } from './client-cost.ts';
import { makeReceiveTables } from './receive-tables.ts';

const { values } = parseArgs({
  options: { gb: { type: 'string', default: '1' }, rounds: { type: 'string', default: '3' } },
});
const rounds = Number(values.rounds);
const CHILD = 'uncompressed-child';

const folder = await mkdtemp(join(tmpdir(), 'stowage-uncompressed-'));
const [plain, secure] = [await openStoreFor('sink'), await openStoreFor('sink-tls')];
const server = await startPostgres({ settings: { shared_buffers: '256MB' } });
try {
  await bundle(folder, CHILD);
  await makeReceiveTables(server, Number(values.gb) * 1e9, ['lineitem']);
  await compare(server);
} finally {
  await Promise.all([server.stop(), plain.stop(), secure.stop(), rm(folder, { recursive: true })]);
}

async function compare(from: TestServer): Promise<void> {
  const bytes = await bytesOf(ours(from, plain), plain);
  const copy = `psql -X -q -h ${from.host} -p ${from.port} -U ${from.user} -d postgres -c 'COPY lineitem TO STDOUT'`;
  const piped = (store: Store, into: string): Client => ({
    command: ['bash', '-c', `set -o pipefail; ${copy} ${into}`],
    env: {
      ...awsVariables(store),
      ...rcloneVariables(store),
      PATH: `${from.binDir}:${BASE.PATH}`,
      HOME: folder,
    },
  });
  const { rclone, aws } = (await findTools()).found;
  const intoRclone = `| ${rclone?.path} rcat -q sink:${BUCKET}/rclone`;
  const intoAws = (store: Store) =>
    `| ${aws?.path} ${awsFlags(store)} s3 cp --only-show-errors - s3://${BUCKET}/aws`;
  const ways = {
    'psql > /dev/null': piped(plain, '> /dev/null'),
    'stowage, HTTP': ours(from, plain),
    'stowage, TLS': ours(from, secure),
    ...(rclone && {
      'psql | rclone, HTTP': piped(plain, intoRclone),
      'psql | rclone, TLS': piped(secure, intoRclone),
    }),
    ...(aws && {
      'psql | aws, HTTP': piped(plain, intoAws(plain)),
      'psql | aws, TLS': piped(secure, intoAws(secure)),
    }),
  };
  const costs = await inTurns(rounds, from, ways);
  console.log(`lineitem: ${(bytes / 1e9).toFixed(2)} GB of rows`);
  for (const [way, each] of costs) {
    const { client, server: database, wall, raw } = perGigabyte(each, bytes);
    console.log(
      `  ${way.padEnd(20)} client ${client.toFixed(2)} s/GB (${raw}), server ${database.toFixed(1)}, wall ${wall.toFixed(1)}`,
    );
  }
}

function ours({ host, port }: TestServer, store: Store): Client {
  const node = [process.execPath, ...SHIPPER_FLAGS, join(folder, `${CHILD}.mjs`)];
  return {
    command: [...node, host, String(port), `s3://${BUCKET}`, store.endpoint],
    env: {
      ...awsVariables(store),
      ...(store.caFile !== undefined && { NODE_EXTRA_CA_CERTS: store.caFile }),
    },
  };
}

/**
 * The bytes of rows in COPY text format, as the child reports them.
 * @throws Error when fewer bytes have arrived in the store
 */
async function bytesOf(child: Client, { sink }: Store): Promise<number> {
  await sink?.forgetCounts();
  const [node = '', ...args] = child.command;
  const { stdout } = await promisify(execFile)(node, args, { env: { ...BASE, ...child.env } });
  const arrived = (await sink?.counts())?.bytesIn ?? 0;
  if (arrived < Number(stdout))
    throw new Error(`the child shipped ${stdout} bytes, but ${arrived} arrived in the store`);
  return Number(stdout);
}
