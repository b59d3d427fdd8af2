import { createHash } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOf, encode, FORMAT_VERSION } from '../../backup-set/documents.ts';
import { formatKey } from '../../backup-set/keys.ts';
import { Plan } from '../../backup-set/plan.ts';
import { type Extent, Receipt } from '../../backup-set/receipt.ts';
import { Seal, SealPart } from '../../backup-set/seal.ts';
import { EVERYTHING } from '../../backup-set/selection.ts';

export interface SetSize {
  readonly contents: number;
  readonly relations: number;
}

export const TIMESTAMP = '20260131010203';
const AT = '2026-01-31T01:02:03.000Z';
/** One per worker, as of a backup with four: small tables share packs. */
const PACKS = 4;
const [ROWS, BYTES, LENGTH] = [1234, 123_456, 23_456];

/**
 * Writes what a backup of so many small tables leaves: plan, receipts, seal and its parts, all with right keys and digests, and
 * packs of the right size without data in them.
 * @returns the bytes of all documents.
 */
export async function writeSet(folder: string, size: SetSize): Promise<number> {
  let written = 0;
  const write = async (key: string, bytes: Uint8Array) => {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), bytes);
    written += bytes.length;
  };
  const plan = encode(Plan, planOf(size));
  await write(formatKey({ kind: 'plan', timestamp: TIMESTAMP }), plan);
  const template = Array.from({ length: PACKS }, (_, at) => extentsOf(at, size.relations));
  const contents: Seal['contents'] = [];
  for (let content = 0; content < size.contents; content++) {
    const receipts: SealPart['receipts'] = [];
    for (const [at, extents] of template.entries()) {
      const shipment = { timestamp: TIMESTAMP, content, attempt: 1, worker: at + 1, sequence: 1 };
      const pack = formatKey({ kind: 'pack', ...shipment });
      const bytes = extents.length * LENGTH;
      const receipt = encode(Receipt, {
        format: 'stowage/receipt',
        version: FORMAT_VERSION,
        ...shipment,
        object: { key: pack, bytes, crc32: '0a1b2c3d' },
        startedAt: AT,
        finishedAt: AT,
        kind: 'pack',
        extents,
      });
      await writeHollow(join(folder, pack), bytes);
      await write(formatKey({ kind: 'receipt', ...shipment }), receipt);
      receipts.push({ attempt: 1, worker: at + 1, sequence: 1, sha256: digestOf(receipt).sha256 });
    }
    const part = encode(SealPart, {
      format: 'stowage/seal-part',
      version: FORMAT_VERSION,
      timestamp: TIMESTAMP,
      content,
      receipts,
      relations: Array.from({ length: size.relations }, (_, relation) => ({
        relation,
        attempt: 1,
        rows: ROWS + relation,
        bytes: BYTES + relation,
      })),
    });
    await write(formatKey({ kind: 'seal-part', timestamp: TIMESTAMP, content }), part);
    contents.push({ content, part: digestOf(part) });
  }
  const seal = encode(Seal, {
    format: 'stowage/seal',
    version: FORMAT_VERSION,
    timestamp: TIMESTAMP,
    sealedAt: AT,
    planSha256: digestOf(plan).sha256,
    outcome: 'counted',
    contents,
    failures: [],
  });
  await write(formatKey({ kind: 'seal', timestamp: TIMESTAMP }), seal);
  return written;
}

/** Every table has one frame, in the pack of the worker whose turn it was. */
function extentsOf(worker: number, relations: number): Extent[] {
  const extents: Extent[] = [];
  for (let relation = worker; relation < relations; relation += PACKS) {
    const crc32 = createHash('sha256').update(`${relation}`).digest('hex').slice(0, 8);
    extents.push({
      relation,
      offset: extents.length * LENGTH,
      length: LENGTH,
      rows: ROWS + relation,
      bytes: BYTES + relation,
      crc32,
    });
  }
  return extents;
}

async function writeHollow(path: string, bytes: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'wx');
  try {
    await file.truncate(bytes);
  } finally {
    await file.close();
  }
}

function planOf({ contents, relations }: SetSize): Plan {
  return {
    format: 'stowage/plan',
    version: FORMAT_VERSION,
    timestamp: TIMESTAMP,
    startedAt: AT,
    cluster: 'bench',
    flavour: 'shards',
    database: 'bench',
    root: 'file:///bench',
    tool: 'bench',
    overdueAfterSeconds: 600,
    snapshot: { mechanism: 'barrier', takenAt: AT, writerWaitMs: 0, attempts: 1 },
    frameBytes: 1024 ** 2,
    packBytes: 256 * 1024 ** 2,
    compression: { algorithm: 'zstd', level: 1 },
    selection: EVERYTHING,
    relations: Array.from({ length: relations }, (_, id) => ({
      id,
      schema: 'public',
      name: `a_table_with_a_usual_name_${id}`,
      kind: 'table',
      columns: ['id', 'created_at', 'customer_id', 'amount', 'comment'],
    })),
    notShipped: [],
    contents: Array.from({ length: contents }, (_, content) => ({
      content,
      host: `segment-host-${Math.floor(content / 8)}.example.com`,
      port: 6000 + (content % 8),
      serverVersion: '15.4',
      encoding: 'UTF8',
      metadata: [],
      relations: [[0, relations - 1]],
      refresh: [],
    })),
  };
}
