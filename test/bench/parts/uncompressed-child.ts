/**
 * `node test/bench/parts/uncompressed-child.ts HOST PORT ROOT ENDPOINT`: ships the table lineitem
 * as a shipper does, but without compression: it receives frames, computes their digests, and
 * writes packs and receipts. Prints the bytes of the rows. test/bench/parts/uncompressed.ts runs
 * it.
 */
import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { packSeries } from '../../../segment-shipper/backup/pack-series.ts';
import { noProgress, type ShipperDeps } from '../../../segment-shipper/deps.ts';
import type { BackupJob } from '../../../segment-shipper/protocol/control.ts';
import { openStore } from '../../../storage/open.ts';
import { receive } from './receive-table.ts';

const [host = '', port = '', root = '', endpoint = ''] = process.argv.slice(2);
const store = await openStore({
  root: `${root}/${randomUUID()}`,
  s3: { endpoint, partsInFlight: 3 },
});
const deps: ShipperDeps = {
  store,
  clock: () => new Date(),
  log: pino({ level: 'silent' }),
  report: () => undefined,
  progress: noProgress(),
  throttle: async () => undefined,
  signal: new AbortController().signal,
};
const job: Pick<BackupJob, 'timestamp' | 'content' | 'attempt' | 'packBytes'> = {
  timestamp: '20260131120000',
  content: 0,
  attempt: 1,
  packBytes: 1024 ** 3,
};
const packs = packSeries(job as BackupJob, 1, deps);
let bytes = 0;
await receive({ host, port: Number(port), table: 'lineitem' }, async ({ rows, count }) => {
  bytes += rows.byteLength;
  await packs.frame(0, { stored: rows, counts: () => ({ rows: count, bytes: rows.byteLength }) });
});
await packs.finish();
await store.close();
process.stdout.write(String(bytes));
