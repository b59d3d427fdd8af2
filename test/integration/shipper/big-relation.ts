import { mkdtemp, rm } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import { onAbort } from '../../../async/abort.ts';
import { encode, FORMAT_VERSION } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import {
  type LoadRelation,
  Order,
  type OrderOf,
  type SourceExtent,
} from '../../../backup-set/documents/restore/restore.ts';
import { lockForRestore } from '../../../database/target/restore-lock.ts';
import { noProgress } from '../../../segment-shipper/deps.ts';
import { CONTROL_VERSION, type RestoreJob } from '../../../segment-shipper/protocol/control.ts';
import { loadData } from '../../../segment-shipper/restore/load/load-data.ts';
import { openStore } from '../../../storage/open.ts';
import type { CallOptions, ObjectStore } from '../../../storage/store.ts';
import type { TestServer } from '../../support/servers/postgres.ts';

export const RESTORE = '20260131120000000-00000000';
const PACK = 'data/big.pack';
export const FRAMES = 24;
export const ROWS_PER_FRAME = 4_000;
/** A frame has 4 MiB of rows; a connection takes four frames at a time. */
export const FRAMES_PER_SHARE = 4;
const PADDING = 'x'.repeat(1_030);
export const ROWS = FRAMES * ROWS_PER_FRAME;

/** Replaces the first value of one row; undefined keeps it. */
export type ReplaceRow = (frame: number, row: number) => string | undefined;

/** A pack with one relation of six shares, and an order to load it. */
export async function bigOrder(name: string, replaceRow: ReplaceRow = () => undefined) {
  const directory = await mkdtemp('/tmp/stowage-shared-');
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const stored: Buffer[] = [];
  const extents: SourceExtent[] = [];
  let offset = 0;
  for (let frame = 0; frame < FRAMES; frame += 1) {
    const lines = Array.from({ length: ROWS_PER_FRAME }, (_, row) => {
      return `${replaceRow(frame, row) ?? frame * ROWS_PER_FRAME + row}\t${PADDING}\n`;
    });
    const rows = Buffer.from(lines.join(''));
    const bytes = zstdCompressSync(rows, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
    const digest = crc32(bytes).toString(16).padStart(8, '0');
    const where = { key: PACK, offset, length: bytes.length };
    extents.push({ ...where, rows: ROWS_PER_FRAME, bytes: rows.length, crc32: digest });
    stored.push(bytes);
    offset += bytes.length;
  }
  const store = await openStore({ root: pathToFileURL(directory).href });
  await store.create(PACK, Buffer.concat(stored));
  const relation: LoadRelation = {
    id: 0,
    schema: 'public',
    name,
    columns: ['i', 't'],
    rows: ROWS,
    bytes: extents.reduce((sum, { bytes }) => sum + bytes, 0),
    extents,
  };
  const order = orderOf(relation);
  return { order, relation, store, directory };
}

/** An order to load relations into new tables. */
export function orderOf(...relations: LoadRelation[]): OrderOf<'data'> {
  return {
    format: 'stowage/order',
    version: FORMAT_VERSION,
    id: RESTORE,
    timestamp: '20260131120000',
    content: 0,
    phase: 'data',
    mode: 'create',
    role: 'load',
    encoding: 'UTF8',
    relations,
  };
}

export function restoreJob(server: TestServer, store: ObjectStore, workers: number): RestoreJob {
  return {
    control: CONTROL_VERSION,
    type: 'restore',
    content: 0,
    target: server.target(),
    store: { root: store.url },
    workers,
    fifoBase: '/tmp',
    restore: RESTORE,
  };
}

/** Runs the order in this process. */
export function load(
  server: TestServer,
  order: OrderOf<'data'>,
  store: ObjectStore,
  { workers = 4, signal = new AbortController().signal } = {},
) {
  return loadData(order, restoreJob(server, store, workers), {
    store,
    clock: () => new Date(),
    log: pino({ level: 'silent' }),
    throttle: async () => {},
    report: () => undefined,
    progress: noProgress(),
    signal,
  });
}

/** Stores the order for a shipper in its own process. */
export async function storeOrder(directory: string, order: OrderOf<'data'>): Promise<void> {
  const key = formatKey({ kind: 'order', restore: RESTORE, phase: 'data', content: 0 });
  const store = await openStore({ root: pathToFileURL(directory).href });
  await store.create(key, encode(Order, order));
  await store.close();
}

/** A store whose reads wait until `shares` reads have begun: each is by another connection. */
export function waitForReads(store: ObjectStore, shares: number): ObjectStore {
  const all = Promise.withResolvers<void>();
  let begun = 0;
  return {
    ...store,
    async *get(key, options) {
      begun += 1;
      if (begun >= shares) all.resolve();
      await Promise.race([all.promise, aborted(options)]);
      yield* store.get(key, options);
    },
  };
}

/** Rejects when the read is aborted: the other connections may never begin theirs. */
function aborted(options: CallOptions | undefined): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  onAbort(options?.signal, () => reject(new Error('the read was aborted')));
  return promise;
}

/** A store whose read of this frame waits for `release`. */
export function holdBack(store: ObjectStore, extent: SourceExtent | undefined) {
  const gate = Promise.withResolvers<void>();
  const held: ObjectStore = {
    ...store,
    async *get(key, options) {
      if (options?.offset === extent?.offset) await Promise.race([gate.promise, aborted(options)]);
      yield* store.get(key, options);
    },
  };
  return { held, release: () => gate.resolve() };
}

/** A shipper runs an order only while the coordinator of its restore holds the target's lock. */
export function holdRestoreLock(server: TestServer) {
  return lockForRestore(server.target(), RESTORE, new AbortController().signal);
}
