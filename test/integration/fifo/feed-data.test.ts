import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { FORMAT_VERSION } from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { LoadRelation, OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import { noProgress } from '../../../segment-shipper/deps.ts';
import { CONTROL_VERSION, type RestoreJob } from '../../../segment-shipper/protocol/control.ts';
import { feedData } from '../../../segment-shipper/restore/load/feed-data.ts';
import { openStore } from '../../../storage/open.ts';
import {
  type FifoServer,
  freshPath,
  gone,
  programGone,
  soon,
  startCopy,
  startFifoServer,
  waitSoonFor,
} from './fifo.ts';

const RESTORE = '20260131120000000-00000000';
let server: FifoServer;

beforeAll(async () => {
  server = await startFifoServer();
  await server.psql('CREATE TABLE loaded (i bigint)');
});
afterAll(() => server?.stop());

const missing = {
  key: 'data/gone.pack',
  offset: 0,
  length: 9,
  rows: 1,
  bytes: 9,
  crc32: '00000000',
};
const relation = (id: number, extents: LoadRelation['extents'] = []): LoadRelation => ({
  id,
  schema: 'public',
  name: `t${id}`,
  columns: ['i'],
  rows: 0,
  bytes: 0,
  extents,
});

/** A shipper that runs an order to feed these relations. */
async function feeding(relations: LoadRelation[]) {
  const base = dirname(await freshPath());
  const root = await mkdtemp('/tmp/stowage-fifo-store-');
  const store = await openStore({ root: pathToFileURL(root).href });
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const order: OrderOf<'data'> = {
    format: 'stowage/order',
    version: FORMAT_VERSION,
    id: RESTORE,
    timestamp: '20260131120000',
    content: 0,
    phase: 'data',
    mode: 'create',
    role: 'feed',
    encoding: 'UTF8',
    relations,
  };
  const job: RestoreJob = {
    control: CONTROL_VERSION,
    type: 'restore',
    content: 0,
    target: server.target(),
    store: { root: store.url },
    workers: 1,
    fifoBase: base,
    dataDir: server.dataDir,
    restore: RESTORE,
  };
  const stop = new AbortController();
  const result = feedData(order, job, {
    store,
    clock: () => new Date(),
    log: pino({ level: 'silent' }),
    report: () => undefined,
    progress: noProgress(),
    throttle: async () => {},
    signal: stop.signal,
  });
  result.catch(() => undefined);
  const folder = join(base, `stowage-fifo-${RESTORE}-0`);
  await waitSoonFor('the folder', () => (existsSync(join(folder, 'pid')) ? true : undefined));
  const coordinatorIsDone = () =>
    store.create(
      formatKey({ kind: 'restore-receipt', restore: RESTORE, phase: 'data', content: -1 }),
      Buffer.from('{}'),
    );
  return { result, folder, stop, coordinatorIsDone };
}

const load = (folder: string, id: number) =>
  startCopy(server, 'in', 'public.loaded', folder, { relation: id });
const failed = { code: 'database/failed' };

describe('an order to feed', () => {
  it('ends when every relation has been fed, and leaves no folder', async () => {
    const { result, folder } = await feeding([relation(1), relation(2)]);
    const copies = await Promise.all([load(folder, 2), load(folder, 1)]);
    expect(await soon(Promise.all(copies.map(({ rows }) => rows)))).toEqual([0, 0]);
    expect(await soon(result)).toEqual({ loaded: [], problems: [] });
    await gone(folder);
  });

  it('rejects programs that it does not wait for, and continues', async () => {
    const { result, folder } = await feeding([relation(1)]);
    const unknown = await load(folder, 99);
    await expect(soon(unknown.rows)).rejects.toMatchObject(failed);
    const wrongDirection = await startCopy(server, 'out', 'public.loaded', folder, { relation: 1 });
    await expect(soon(wrongDirection.rows)).rejects.toMatchObject(failed);
    expect(await soon((await load(folder, 1)).rows)).toBe(0);
    expect(await soon(result)).toEqual({ loaded: [], problems: [] });
    await programGone(unknown);
  });

  it('names a relation whose rows cannot be read: its COPY fails, and another succeeds', async () => {
    const { result, folder } = await feeding([relation(1, [missing]), relation(2)]);
    const bad = await load(folder, 1);
    await expect(soon(bad.rows)).rejects.toMatchObject(failed);
    expect(await soon((await load(folder, 2)).rows)).toBe(0);
    const { problems } = await soon(result, 30_000);
    expect(problems).toMatchObject([{ relation: { schema: 'public', name: 't1' } }]);
    expect(problems[0]?.message).toContain('storage/not-found');
  });

  it('names relations for which no program came before the coordinator ended its order', async () => {
    const { result, folder, coordinatorIsDone } = await feeding([relation(1), relation(2)]);
    expect(await soon((await load(folder, 1)).rows)).toBe(0);
    await coordinatorIsDone();
    const { problems } = await soon(result);
    expect(problems).toMatchObject([{ relation: { schema: 'public', name: 't2' } }]);
    await gone(folder);
  });

  it('ends when the signal fires, and deletes its folder', async () => {
    const { result, folder, stop } = await feeding([relation(1), relation(2)]);
    expect(await soon((await load(folder, 1)).rows)).toBe(0);
    const reason = new StowageError('interrupted', 'ended on request');
    stop.abort(reason);
    await expect(soon(result)).rejects.toBe(reason);
    expect(existsSync(folder)).toBe(false);
  });
});
