import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../../database/session/session.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import {
  backendsLeft,
  backupJob,
  endAll,
  holdSnapshot,
  readBySelect,
  runShipper,
  unfinished,
} from './shipper.ts';

/** The row would take more than three minutes; a shipper exits 20 s after a signal anyway. */
const ENDING_MS = 12_000;

let server: TestServer;
let held: { id: string; session: Session };
let directory = '';

beforeAll(async () => {
  server = await startPostgres();
  // A row of 10 MB that hardly compresses, and rows of which the last one fails.
  await server.psql(`
    CREATE TABLE long AS SELECT string_agg(encode(sha256(n::text::bytea), 'base64'), '') AS t FROM generate_series(1, 220000) n;
    CREATE VIEW breaks AS SELECT 1 / (5 - i) AS t, pg_sleep(0.3)::text AS s FROM (SELECT generate_series(1, 5) AS i) AS s`);
  await readBySelect(server, [LONG.name, BREAKS.name]);
  held = await holdSnapshot(server);
});
afterAll(async () => {
  await held?.session.close();
  await server?.stop();
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-long-row-'));
});
afterEach(async () => {
  await endAll();
  await rm(directory, { recursive: true, force: true });
});

const LONG = { name: 'long', columns: ['t'] };
const BREAKS = { name: 'breaks', columns: ['t', 's'] };

/** One worker per table, and a rate at which the long row would take minutes. */
function ship(...tables: (typeof LONG)[]) {
  const job = backupJob(server, held.id, directory, tables, {
    metadata: [],
    frameBytes: 1 << 20,
    workers: 2,
  });
  const relations = job.relations.map((relation) => ({
    ...relation,
    bytesEstimated: 1e9,
  }));
  return runShipper({ ...job, relations, bytesPerSecond: 50_000 });
}

describe('a shipper in the middle of a long row at a low rate', () => {
  it('ends when another relation fails', async () => {
    const shipper = ship(LONG, BREAKS);
    const since = Date.now();
    expect((await shipper.exit).code).toBe(6);
    expect(Date.now() - since).toBeLessThan(5 * ENDING_MS);
    expect((await shipper.reported('failed')).message).toContain('division by zero');
    expect(await backendsLeft(server)).toBe('');
    expect(await unfinished(directory)).toEqual([]);
  });

  it('ends on SIGTERM at once', async () => {
    const shipper = ship(LONG);
    await shipper.reported('progress', ({ relation }) => relation === 'public.long');
    // Enough time to compress more than the rate lets pass.
    await sleep(1_000);
    const since = Date.now();
    shipper.child.kill('SIGTERM');
    expect((await shipper.exit).code).not.toBe(0);
    expect(Date.now() - since).toBeLessThan(ENDING_MS);
    expect(await backendsLeft(server)).toBe('');
    expect(await unfinished(directory)).toEqual([]);
  });
});
