import { spawn } from 'node:child_process';
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import { describeExit, exitOf } from '../../../async/child-process.ts';
import { FORMAT_VERSION } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { OrderOf, SourceExtent } from '../../../backup-set/documents/restore/restore.ts';
import type { TestServer } from '../../support/servers/postgres.ts';

export const TABLE = 'big.lineitem';
export const RESTORE = '20260131120000000-00000000';
const TIMESTAMP = '20260131120000';
const shipment = { timestamp: TIMESTAMP, content: 0, attempt: 1, worker: 1, sequence: 1 } as const;
export const PACK_KEY = formatKey({ kind: 'pack', ...shipment });
export const ORDER_KEY = formatKey({ kind: 'order', restore: RESTORE, phase: 'data', content: 0 });
const FRAME_BYTES = 4 * 1024 * 1024;
const NEWLINE = 0x0a;

/** A table as one pack of a backup, and the order to load it. */
export interface Packed {
  readonly pack: Buffer;
  readonly order: OrderOf<'data'>;
  readonly bytes: number;
}

export async function packTable(server: TestServer): Promise<Packed> {
  const frames: Buffer[] = [];
  const extents: SourceExtent[] = [];
  let [offset, pending] = [0, Buffer.alloc(0)];
  const cut = (rows: Buffer) => {
    const frame = zstdCompressSync(rows, {
      params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
    });
    const digest = crc32(frame).toString(16).padStart(8, '0');
    const count = rows.reduce((sum, byte) => sum + (byte === NEWLINE ? 1 : 0), 0);
    const where = { key: PACK_KEY, offset, length: frame.length };
    extents.push({ ...where, rows: count, bytes: rows.length, crc32: digest });
    frames.push(frame);
    offset += frame.length;
  };
  for await (const chunk of copyOf(server)) {
    pending = Buffer.concat([pending, chunk]);
    if (pending.length < FRAME_BYTES) continue;
    const end = pending.lastIndexOf(NEWLINE) + 1;
    cut(pending.subarray(0, end));
    pending = pending.subarray(end);
  }
  if (pending.length > 0) cut(pending);
  const sum = (field: 'rows' | 'bytes') =>
    extents.reduce((total, extent) => total + extent[field], 0);
  const columns = await server.psql(
    `SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '${TABLE}'::regclass AND attnum > 0`,
  );
  const [schema = '', name = ''] = TABLE.split('.');
  const relation = { id: 0, schema, name, columns: columns.split(' ') };
  const order: OrderOf<'data'> = {
    mode: 'create',
    format: 'stowage/order',
    version: FORMAT_VERSION,
    id: RESTORE,
    timestamp: TIMESTAMP,
    content: 0,
    phase: 'data',
    role: 'load',
    encoding: 'UTF8',
    relations: [{ ...relation, rows: sum('rows'), bytes: sum('bytes'), extents }],
  };
  return { pack: Buffer.concat(frames), order, bytes: sum('bytes') };
}

async function* copyOf({ binDir, host, port, user }: TestServer): AsyncGenerator<Buffer> {
  const login = ['-X', '-q', '-h', host, '-p', String(port), '-U', user, '-d', 'postgres'];
  const child = spawn(`${binDir}/psql`, [...login, '-c', `COPY ${TABLE} TO STDOUT`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = exitOf(child);
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) yield chunk;
  const ended = await exit;
  if (ended.code !== 0) throw new Error(`psql ended with ${describeExit(ended)}`);
}
