import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { Receipt } from '../../../backup-set/documents/receipt.ts';
import type { Session } from '../../../database/session/session.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { backupJob, endAll, filesBelow, holdSnapshot, runShipper } from './shipper.ts';

let server: TestServer;
let folder = '';
let held: { id: string; session: Session };
/** Text that higher levels compress clearly better: words, some of them frequent. */
const WORDS = `SELECT i, (SELECT string_agg(substr(md5('w' || (random() * random() * 3000)::int), 1, 3 + n % 8), ' ')
    FROM generate_series(1, 30) AS n WHERE i > 0) AS t
  FROM generate_series(1, 60000) AS i`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-level-'));
  server = await startPostgres();
  await server.psql(`CREATE TABLE words AS ${WORDS}`);
  held = await holdSnapshot(server);
});
afterEach(endAll);
afterAll(async () => {
  await held?.session.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Stored bytes of each frame per byte of rows, in the order of the pack. */
async function ratios(
  root: string,
  level: number | 'auto',
  bytesPerSecond?: number,
): Promise<number[]> {
  const job = backupJob(server, held.id, root, [{ name: 'words', columns: ['i', 't'] }], {
    metadata: [],
    workers: 1,
    frameBytes: 256 * 1024,
    level,
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
  });
  expect((await runShipper(job).exit).code).toBe(0);
  const [key = ''] = (await filesBelow(root)).filter((file) => file.includes('/receipts/'));
  const receipt = Receipt.parse(JSON.parse(await readFile(key, 'utf8')));
  if (receipt.kind !== 'pack') throw new Error('the first receipt is not the receipt of a pack');
  return receipt.extents.map(({ length, bytes }) => length / bytes);
}

it('level auto makes smaller frames only while the backup waits for storage', async () => {
  let runs = 0;
  const first = await ratios(join(folder, 'first'), 1);
  // Without waits, every frame is as at level 1. A busy machine may need several runs for that.
  await vi.waitFor(
    async () => {
      runs += 1;
      expect(await ratios(join(folder, `fast-${runs}`), 'auto')).toEqual(first);
    },
    { timeout: 60_000, interval: 1_000 },
  );
  const slow = await ratios(join(folder, 'slow'), 'auto', 700_000);
  expect(slow).toHaveLength(first.length);
  expect(slow[0]).toBe(first[0]);
  expect(Math.min(...slow)).toBeLessThan(Math.min(...first) * 0.98);
});
