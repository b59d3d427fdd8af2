import { encode, type RawDocument } from '../../base/document.ts';
import { formatKey } from '../../base/keys.ts';
import { dateOf, timestampOf } from '../../base/timestamps.ts';
import { ManifestPart } from '../../documents/manifest.ts';
import type { Plan, Relation } from '../../documents/plan.ts';
import type { Extent } from '../../documents/receipt.ts';
import { documentsOf, type SetParts, sealOf } from '../builders.ts';
import { fold } from '../fold-whole.ts';
import { PLAN } from '../plans.ts';
import { pack, place, sealedRelation } from '../small-set.ts';

/** A table of a generated set, with its rows in every content. */
export interface GeneratedTable extends Partial<Omit<Relation, 'id'>> {
  readonly name: string;
  readonly rows: number;
  /** Of its rows; absent: 100 per row. */
  readonly bytes?: number;
  /** In the store; absent: a quarter of `bytes`. */
  readonly storedBytes?: number;
  /** What the digest of its frame depends on; absent: its rows and bytes. */
  readonly seed?: string;
  /** Its frames have no digests, as in sets of earlier programs. */
  readonly undigested?: true;
}

export interface GeneratedSet extends Partial<Omit<Plan, 'contents' | 'relations'>> {
  readonly timestamp: string;
  readonly tables: readonly GeneratedTable[];
  /** Absent: one, content 0. */
  readonly contents?: readonly number[];
  readonly seconds?: number;
}

/**
 * The documents of a committed set: plan, receipts, seal and manifest, all of them consistent.
 * `packs` are the objects that its receipts name.
 */
export function committedSet(set: GeneratedSet): {
  readonly documents: readonly RawDocument[];
  readonly packs: readonly { readonly key: string; readonly bytes: number }[];
} {
  const parts = partsOf(set);
  const sealedAt = new Date(dateOf(set.timestamp).getTime() + (set.seconds ?? 60) * 1000);
  const seal = { ...sealOf(parts), sealedAt: sealedAt.toISOString() };
  const stored = documentsOf(parts, { seal });
  const folded = fold(stored);
  if (folded.status !== 'complete') throw new Error(JSON.stringify(folded));
  const { timestamp } = set;
  return {
    documents: [
      stored.plan,
      ...stored.receipts,
      ...stored.sealParts,
      stored.seal,
      ...folded.parts.map((part) => ({
        key: formatKey({ kind: 'manifest-part', timestamp, content: part.content }),
        bytes: encode(ManifestPart, part),
      })),
      { key: formatKey({ kind: 'manifest', timestamp }), bytes: folded.bytes },
    ],
    packs: parts.sealed.flatMap(({ object }) => ({ key: object.key, bytes: object.bytes })),
  };
}

/** A timestamp so many days after the first of January 2026, at noon. */
export function dayOf(day: number): string {
  return timestampOf(new Date(Date.UTC(2026, 0, 1 + day, 12)));
}

function partsOf({ tables, contents = [0], seconds: _, ...set }: GeneratedSet): SetParts {
  const startedAt = dateOf(set.timestamp).toISOString();
  const relations = tables.map((table, id) => relationOf(table, id));
  const plan: Plan = {
    ...PLAN,
    notShipped: [],
    startedAt,
    snapshot: { ...PLAN.snapshot, takenAt: startedAt },
    ...set,
    relations,
    contents: contents.map((content) => ({
      ...place,
      content,
      relations: tables.length === 0 ? [] : [[0, tables.length - 1]],
    })),
  };
  const counts = tables.map((table, id) =>
    sealedRelation(id, table.rows, { bytes: table.rows === 0 ? 0 : bytesOf(table) }),
  );
  return {
    plan,
    sealed: contents.flatMap((content) => {
      const extents = extentsOf(tables, content);
      if (extents.length === 0) return [];
      const shipment = { timestamp: set.timestamp, content };
      return [
        pack(1, extents, {
          ...shipment,
          object: {
            key: formatKey({ kind: 'pack', ...shipment, attempt: 1, worker: 1, sequence: 1 }),
            bytes: extents.reduce((sum, { length }) => sum + length, 0),
            crc32: '00000000',
          },
        }),
      ];
    }),
    dead: [],
    counts: new Map(contents.map((content) => [content, counts])),
  };
}

function relationOf(table: GeneratedTable, id: number): Relation {
  const { rows: _, bytes: __, storedBytes: ___, seed: ____, undigested: _____, ...rest } = table;
  const kind = rest.partitionRoot === undefined ? 'table' : 'partition';
  return { schema: 'public', kind, columns: [], ...rest, id };
}

const bytesOf = ({ rows, bytes = rows * 100 }: GeneratedTable) => bytes;

function extentsOf(tables: readonly GeneratedTable[], content: number): Extent[] {
  let offset = 0;
  return tables.flatMap((table, relation) => {
    const { rows, storedBytes = Math.ceil(bytesOf(table) / 4) } = table;
    if (rows === 0) return [];
    const extent: Extent = {
      ...{ relation, offset, length: storedBytes, rows, bytes: bytesOf(table) },
      crc32: '00000000',
      ...(table.undigested ? {} : { digest: digestOf(table, content) }),
    };
    offset += storedBytes;
    return [extent];
  });
}

/** Not a real digest: one text per seed. */
function digestOf(table: GeneratedTable, content: number): string {
  const text = `${table.name}:${content}:${table.seed ?? `${table.rows}:${bytesOf(table)}`}`;
  return Buffer.from(text).toString('base64url').padEnd(32, '_').slice(-32);
}
