import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Receipt } from '../../../backup-set/documents/receipt.ts';
import { RestoreReceipt } from '../../../backup-set/documents/restore/restore.ts';
import type { Session } from '../../../database/session/session.ts';
import { BURST_SECONDS } from '../../../segment-shipper/rate/token-bucket.ts';
import { startStowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { backupJob, endAll, filesBelow, holdSnapshot, runShipper } from './shipper.ts';

let servers: TestServer[] = [];
let folder = '';
let held: { id: string; session: Session };
/** About 1 MB stored per table: random hexadecimal text compresses to half. */
const ROWS = 40_000;
const table = { name: 'noise', columns: ['i', 't'] };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-rate-'));
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const server of servers)
    await server.psql(
      `CREATE TABLE noise AS SELECT i, md5(i::text || random()) AS t FROM generate_series(1, ${ROWS}) AS i`,
      DATABASE,
    );
  held = await holdSnapshot(serverAt(0), DATABASE);
});
afterEach(endAll);
afterAll(async () => {
  await held?.session.close();
  await stopAll(servers);
  await rm(folder, { recursive: true, force: true });
});

function serverAt(content: number): TestServer {
  const server = servers[content];
  if (server === undefined) throw new Error(`there is no server ${content}`);
  return server;
}

/** Stored bytes of all packs below a root, and the time from the first start to the last end. */
async function packsBelow(root: string) {
  const keys = (await filesBelow(root)).filter((key) => key.includes('/receipts/'));
  const receipts = await Promise.all(
    keys.map(async (key) => Receipt.parse(JSON.parse(await readFile(key, 'utf8')))),
  );
  const packs = receipts.filter((receipt) => receipt.kind === 'pack');
  const first = Math.min(...packs.map(({ startedAt }) => Date.parse(startedAt)));
  const last = Math.max(...packs.map(({ finishedAt }) => Date.parse(finishedAt)));
  return {
    bytes: packs.reduce((sum, { object }) => sum + object.bytes, 0),
    contents: new Set(packs.map(({ content }) => content)).size,
    seconds: (last - first) / 1000,
  };
}

/** From the first start to the last end of all segments. */
async function phaseSeconds(root: string, phase: string): Promise<number> {
  const keys = (await filesBelow(join(root, 'restores'))).filter((key) =>
    key.includes(`/receipts/${phase}/`),
  );
  expect(keys).toHaveLength(2);
  const receipts = await Promise.all(
    keys.map(async (key) => RestoreReceipt.parse(JSON.parse(await readFile(key, 'utf8')))),
  );
  const first = Math.min(...receipts.map(({ startedAt }) => Date.parse(startedAt)));
  return (Math.max(...receipts.map(({ finishedAt }) => Date.parse(finishedAt))) - first) / 1000;
}

/** Start and end are each rounded down to a millisecond. */
const ROUNDING_SECONDS = 0.002;

/** In any period at most rate × time + one burst may pass. */
const leastSeconds = (bytes: number, rate: number) =>
  bytes / rate - BURST_SECONDS - ROUNDING_SECONDS;

describe('a rate limit', () => {
  it('is kept by a shipper', async () => {
    const root = join(folder, 'one');
    const rate = 500_000;
    const job = backupJob(serverAt(0), held.id, root, [table], {
      target: serverAt(0).target(DATABASE),
      metadata: [],
      frameBytes: 64 * 1024,
      bytesPerSecond: rate,
    });
    const shipper = runShipper(job);
    expect((await shipper.exit).code).toBe(0);
    const { bytes, seconds } = await packsBelow(root);
    expect(bytes).toBeGreaterThan(700_000);
    expect(seconds).toBeGreaterThanOrEqual(leastSeconds(bytes, rate));
    expect(await shipper.reported('done')).toMatchObject({
      eventLoopDelayP99Ms: expect.any(Number),
    });
  });

  it('can be raised while the shipper waits, and does not delay its end', async () => {
    // At 1000 bytes per second this would take a quarter of an hour.
    const slow = (root: string) =>
      backupJob(serverAt(0), held.id, root, [table], {
        target: serverAt(0).target(DATABASE),
        metadata: [],
        frameBytes: 64 * 1024,
        bytesPerSecond: 1000,
      });
    const lifted = runShipper(slow(join(folder, 'lifted')));
    await lifted.reported('progress', ({ relation }) => relation !== undefined);
    lifted.child.stdin.write(`${JSON.stringify({ type: 'rate', bytesPerSecond: 1e9 })}\n`);
    expect((await lifted.exit).code).toBe(0);

    const ended = runShipper(slow(join(folder, 'ended')));
    await ended.reported('progress', ({ relation }) => relation !== undefined);
    ended.child.kill('SIGTERM');
    expect((await ended.exit).code).toBe(130);
  });

  it('is kept by all shippers of a host together, in a backup and in a restore', async () => {
    const root = join(folder, 'set');
    const config = await configFor({ folder, storage: {} }, servers, `file://${root}`, {
      backup: { frameBytes: 64 * 1024 },
    });
    const rate = 900_000;
    const run = (...args: string[]) =>
      startStowage([...args, '--max-rate', '900kB'], { config }).ended;
    const backup = await run('backup');
    expect(backup.json).toMatchObject({ status: 'complete' });
    const { bytes, contents, seconds } = await packsBelow(root);
    expect(contents).toBe(2);
    expect(seconds).toBeGreaterThanOrEqual(leastSeconds(bytes, rate));

    const restored = await run('restore', backup.json.timestamp, '--create', '--database', 'again');
    expect(restored.code).toBe(0);
    // A new database has nothing to lose: the set is read once, while it is loaded.
    expect(await phaseSeconds(root, 'data')).toBeGreaterThanOrEqual(leastSeconds(bytes, rate));
  });
});
