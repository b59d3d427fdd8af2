import { createHash } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOf, encode, FORMAT_VERSION } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { type Extent, Receipt } from '../../../backup-set/documents/receipt.ts';
import { Seal, SealPart } from '../../../backup-set/documents/seal.ts';

export interface SetSize {
  readonly flavour: 'shards' | 'greenplum';
  /** The number of segments, without the coordinator of a Greenplum. */
  readonly contents: number;
  readonly relations: number;
  /** The number of frames of each relation on each segment. */
  readonly extents: number;
}

export const TIMESTAMP = '20260131010203';
export const AT = '2026-01-31T01:02:03.000Z';
const WORKERS = 4;
const PACK_BYTES = 1024 ** 3;
/** The only frame of a small table; a mean frame of a large one (0.93 × 4 MiB, 3.3 : 1). */
const SMALL = { rows: 1234, bytes: 123_456, length: 23_456 };
const FULL = { rows: 26_400, bytes: 3_900_000, length: 1_180_000 };

export interface WrittenSet {
  readonly documents: number;
  readonly documentBytes: number;
  readonly packs: number;
  readonly receiptBytes: number;
}

/**
 * Writes the plan, the receipts, the seal and its parts of a backup with correct keys and digests,
 * and packs of the correct size without data.
 */
export async function writeSet(folder: string, size: SetSize): Promise<WrittenSet> {
  const sums = { documents: 0, documentBytes: 0, packs: 0, receiptBytes: 0 };
  const write = async (key: string, bytes: Uint8Array) => {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), bytes);
    sums.documents += 1;
    sums.documentBytes += bytes.length;
  };
  const plan = encode(Plan, planOf(size));
  await write(formatKey({ kind: 'plan', timestamp: TIMESTAMP }), plan);
  const packs = Array.from({ length: WORKERS }, (_, at) => packsOf(at, size));
  const contents: Seal['contents'] = [];
  for (const content of contentsOf(size)) {
    const receipts: SealPart['receipts'] = [];
    for (const [at, series] of packs.entries()) {
      for (const [index, extents] of content < 0 ? [] : series.entries()) {
        const shipment = {
          timestamp: TIMESTAMP,
          content,
          attempt: 1,
          worker: at + 1,
          sequence: index + 1,
        };
        const key = formatKey({ kind: 'pack', ...shipment });
        const last = extents.at(-1);
        const bytes = last === undefined ? 0 : last.offset + last.length;
        const etag = '0a1b2c3d4e5f60718293a4b5c6d7e8f9-128';
        const receipt = encode(Receipt, {
          format: 'stowage/receipt',
          version: FORMAT_VERSION,
          ...shipment,
          object: { key, bytes, crc32: '0a1b2c3d', etag },
          startedAt: AT,
          finishedAt: AT,
          kind: 'pack',
          extents,
        });
        await writeSparse(join(folder, key), bytes);
        await write(formatKey({ kind: 'receipt', ...shipment }), receipt);
        sums.packs += 1;
        sums.receiptBytes += receipt.length;
        receipts.push({
          attempt: 1,
          worker: at + 1,
          sequence: index + 1,
          sha256: digestOf(receipt).sha256,
        });
      }
    }
    const part = encode(SealPart, {
      format: 'stowage/seal-part',
      version: FORMAT_VERSION,
      timestamp: TIMESTAMP,
      content,
      receipts,
      relations: content < 0 ? [] : countsOf(size).map((counted) => ({ ...counted, attempt: 1 })),
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
  return sums;
}

/** The contents of a set, in order. */
export function contentsOf({ contents, flavour }: Pick<SetSize, 'contents' | 'flavour'>): number[] {
  const segments = Array.from({ length: contents }, (_, content) => content);
  return flavour === 'greenplum' ? [-1, ...segments] : segments;
}

export const nameOf = (relation: number) => `a_table_with_a_usual_name_${relation}`;

/** Rows and bytes of every relation on each segment. */
export function countsOf({ relations, extents }: Pick<SetSize, 'relations' | 'extents'>) {
  const frame = frameOf(extents);
  return Array.from({ length: relations }, (_, relation) => ({
    relation,
    rows: extents * frame.rows + relation,
    bytes: extents * frame.bytes + relation,
  }));
}

const frameOf = (extents: number) => (extents === 1 ? SMALL : FULL);

/** The packs of one worker. Relations are assigned to the workers in turn. */
function packsOf(worker: number, { relations, extents }: SetSize): Extent[][] {
  const frame = frameOf(extents);
  const packs: Extent[][] = [];
  let pack: Extent[] = [];
  let offset = 0;
  for (let relation = worker; relation < relations; relation += WORKERS) {
    for (let at = 0; at < extents; at++) {
      // Only the first frame differs between relations.
      const more = at === 0 ? relation : 0;
      const crc32 = createHash('md5').update(`${relation}/${at}`).digest('hex').slice(0, 8);
      const { length } = frame;
      pack.push({
        relation,
        offset,
        length,
        rows: frame.rows + more,
        bytes: frame.bytes + more,
        crc32,
      });
      offset += length;
      if (offset < PACK_BYTES) continue;
      packs.push(pack);
      [pack, offset] = [[], 0];
    }
  }
  return pack.length > 0 ? [...packs, pack] : packs;
}

async function writeSparse(path: string, bytes: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'wx');
  try {
    await file.truncate(bytes);
  } finally {
    await file.close();
  }
}

function planOf(size: SetSize): Plan {
  const { flavour, relations } = size;
  return {
    format: 'stowage/plan',
    version: FORMAT_VERSION,
    timestamp: TIMESTAMP,
    startedAt: AT,
    cluster: 'bench',
    flavour,
    database: 'bench',
    root: 'file:///bench',
    tool: 'bench',
    overdueAfterSeconds: 600,
    snapshot: { mechanism: 'barrier', takenAt: AT, writerWaitMs: 0, attempts: 1 },
    frameBytes: 4 * 1024 ** 2,
    packBytes: PACK_BYTES,
    compression: { algorithm: 'zstd', level: 1 },
    selection: EVERYTHING,
    relations: Array.from({ length: relations }, (_, id) => ({
      id,
      schema: 'public',
      name: nameOf(id),
      kind: 'table',
      columns: ['id', 'created_at', 'customer_id', 'amount', 'comment'],
    })),
    notShipped: [],
    contents: contentsOf(size).map((content) => ({
      content,
      host: `segment-host-${Math.max(0, Math.floor(content / 8))}.example.com`,
      port: 6000 + (Math.max(0, content) % 8),
      serverVersion: '15.4',
      encoding: 'UTF8',
      metadata: [],
      relations: content < 0 ? [] : [[0, relations - 1]],
      refresh: [],
    })),
  };
}
