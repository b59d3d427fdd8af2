import { formatKey } from '../base/keys.ts';
import type { Plan, Relation } from '../documents/plan.ts';
import type { Extent, ObjectReceipt, PackReceipt } from '../documents/receipt.ts';
import type { SealedRelation } from '../documents/seal.ts';
import { AT, type SetParts, TIMESTAMP } from './builders.ts';
import { PLAN } from './plans.ts';

/** A small set for tests: one content, two tables, 10 rows of 20 bytes per extent. */
export const tables: Relation[] = ['a', 'b'].map((name, id) => ({
  schema: 'public',
  name,
  id,
  kind: 'table',
  columns: [],
}));

export const place = {
  content: 0,
  host: 'h',
  port: 5432,
  serverVersion: '15.4',
  encoding: 'UTF8',
  metadata: [],
  relations: [[0, 1]],
  refresh: [],
} satisfies Plan['contents'][number];

export const plan: Plan = { ...PLAN, relations: tables, contents: [place] };

export const extent = (relation: number, offset: number, change: Partial<Extent> = {}): Extent => ({
  relation,
  offset,
  length: 5,
  rows: 10,
  bytes: 20,
  crc32: '00000000',
  ...change,
});

export function pack(
  sequence: number,
  extents: Extent[],
  change: Partial<PackReceipt> = {},
): PackReceipt {
  const shipment = { timestamp: TIMESTAMP, content: 0, attempt: 1, worker: 1, sequence };
  const end = extents.reduce((sum, { length }) => sum + length, 0);
  const bytes = Math.min(end, Number.MAX_SAFE_INTEGER);
  return {
    format: 'stowage/receipt',
    version: 1,
    ...shipment,
    object: { key: formatKey({ kind: 'pack', ...shipment, ...change }), bytes, crc32: '00000000' },
    startedAt: AT,
    finishedAt: AT,
    kind: 'pack',
    extents,
    ...change,
  };
}

export const sealedRelation = (
  relation: number,
  rows: number,
  change: Partial<SealedRelation> = {},
): SealedRelation => ({
  relation,
  attempt: 1,
  rows,
  bytes: rows * 2,
  ...change,
});

export const parts = (
  sealed: ObjectReceipt[],
  counts: SealedRelation[],
  change: Partial<SetParts> = {},
): SetParts => ({
  plan,
  sealed,
  dead: [],
  counts: new Map([[0, counts]]),
  ...change,
});

export const sound = parts(
  [pack(1, [extent(0, 0), extent(1, 5)])],
  [sealedRelation(0, 10), sealedRelation(1, 10)],
);
