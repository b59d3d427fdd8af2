import { crc32 } from 'node:zlib';
import { digestOf, encode, FORMAT_VERSION, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey, type MetadataFile } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { type Base, Plan } from '../../../backup-set/documents/plan.ts';
import {
  type CarriedExtent,
  type Extent,
  type ObjectRef,
  Receipt,
} from '../../../backup-set/documents/receipt.ts';
import { Seal, SealPart } from '../../../backup-set/documents/seal.ts';
import { hex } from '../../../frame/hex.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import {
  type Frame,
  frame,
  RELATIONS,
  type SmallEncryption,
  sealed,
  tile,
} from '../encrypted/small-frames.ts';

/** One document or object to be stored, in the order in which a backup stores them. */
export interface Stored {
  readonly key: string;
  readonly bytes: Uint8Array;
}

export interface SmallSet {
  readonly timestamp: string;
  readonly contents: readonly number[];
  readonly plan: Stored;
  /** Packs and metadata with the receipts that describe them. */
  readonly receipts: readonly Stored[];
  /** Copies of the parts of the base's manifest. */
  readonly baseParts: readonly Stored[];
  /** The seal's parts, which are stored before it. */
  readonly sealParts: readonly Stored[];
  readonly seal: Stored;
}

export interface SmallSetOptions {
  readonly timestamp?: string;
  readonly contents?: readonly number[];
  readonly overdueAfterSeconds?: number;
  readonly failures?: Seal['failures'];
  /** A committed set with the same rows: this one stores no packs. */
  readonly base?: SmallBase;
  /** The number in the first row. */
  readonly first?: number;
  /** Seals what the set stores. */
  readonly encrypted?: SmallEncryption;
}

export interface SmallBase {
  readonly base: Base;
  /** By content, the bytes of the parts of its manifest. */
  readonly parts: ReadonlyMap<number, Uint8Array>;
}

const METADATA: MetadataFile[] = ['schema.dump', 'sequences.sql.zst'];
const AT = '2026-01-31T01:02:03.000Z';

/**
 * Stores packs and metadata of a small set with real zstd frames. Returns its documents, which the
 * test stores in any order. Per content: a pack with two relations, a pack with the rest of the
 * first relation, and an empty relation.
 */
export async function storeObjects(
  store: ObjectStore,
  options: SmallSetOptions = {},
): Promise<SmallSet> {
  const { timestamp = '20260131010203', contents = [0, 1, 2], encrypted, first = 0 } = options;
  const receipts: Stored[] = [];
  const baseParts: Stored[] = [];
  const sealParts: Stored[] = [];
  const pinned: Seal['contents'] = [];
  for (const content of contents) {
    const own: { stored: Stored; worker: number; sequence: number }[] = [];
    for (const [index, file] of METADATA.entries()) {
      const key = formatKey({ kind: 'metadata', timestamp, content, attempt: 1, file });
      const plain = Buffer.from(`${file} of content ${content}\n`);
      const object = await put(store, key, encrypted?.file(content, key, plain) ?? plain);
      const shipment = { content, attempt: 1, worker: 0, sequence: index + 1 };
      own.push({
        ...shipment,
        stored: receipt(timestamp, shipment, { kind: 'metadata', object, file }),
      });
    }
    const packs = [
      [frame(0, content, first, 500, encrypted), frame(1, content, first, 7, encrypted)],
      [frame(0, content, first + 500, 300, encrypted)],
    ];
    const base = options.base?.parts.get(content);
    if (base !== undefined) {
      const shipment = { content, attempt: 1, worker: 1, sequence: 1 };
      const extents = packs.flat().map(({ extent }, from) => carriedFrom(extent, from));
      own.push({ ...shipment, stored: receipt(timestamp, shipment, { kind: 'carried', extents }) });
      baseParts.push({ key: formatKey({ kind: 'base-part', timestamp, content }), bytes: base });
    }
    for (const [index, plain] of base === undefined ? packs.entries() : []) {
      const shipment = { content, attempt: 1, worker: 1, sequence: index + 1 };
      const key = formatKey({ kind: 'pack', timestamp, ...shipment });
      const frames = encrypted === undefined ? plain : sealed(plain, content, key, encrypted);
      const object = await put(store, key, Buffer.concat(frames.map(({ bytes }) => bytes)));
      const extents = tile(frames);
      own.push({
        ...shipment,
        stored: receipt(timestamp, shipment, { kind: 'pack', object, extents }),
      });
    }
    receipts.push(...own.map(({ stored }) => stored));
    const frames = packs.flat();
    const part = document(formatKey({ kind: 'seal-part', timestamp, content }), SealPart, {
      format: 'stowage/seal-part',
      version: FORMAT_VERSION,
      timestamp,
      content,
      receipts: own.map(({ stored, worker, sequence }) => ({
        attempt: 1,
        worker,
        sequence,
        sha256: sha256(stored.bytes),
      })),
      relations: RELATIONS.map(({ id }) => {
        const mine = frames
          .filter(({ extent }) => extent.relation === id)
          .map(({ extent }) => extent);
        const sum = (field: 'rows' | 'bytes') =>
          mine.reduce((total, extent) => total + extent[field], 0);
        return { relation: id, attempt: 1, rows: sum('rows'), bytes: sum('bytes') };
      }),
    });
    sealParts.push(part);
    pinned.push({ content, part: digestOf(part.bytes) });
  }
  const failures = options.failures ?? [];
  const plan = document(
    formatKey({ kind: 'plan', timestamp }),
    Plan,
    planOf(store, timestamp, contents, options),
  );
  const seal: Seal = {
    format: 'stowage/seal',
    version: FORMAT_VERSION,
    timestamp,
    sealedAt: AT,
    planSha256: sha256(plan.bytes),
    outcome: failures.length === 0 ? 'counted' : 'failed',
    contents: pinned,
    failures,
  };
  return {
    timestamp,
    contents,
    plan,
    receipts,
    baseParts,
    sealParts,
    seal: document(
      formatKey({ kind: 'seal', timestamp }),
      Seal,
      encrypted ? encrypted.sealed(seal) : seal,
    ),
  };
}

/** All documents, in the order in which a backup writes them. */
export function documentsOf(set: SmallSet): Stored[] {
  return [set.plan, ...set.baseParts, ...set.receipts, ...set.sealParts, set.seal];
}

export async function storeAll(store: ObjectStore, documents: readonly Stored[]): Promise<void> {
  for (const { key, bytes } of documents) await store.create(key, bytes);
}

function planOf(
  store: ObjectStore,
  timestamp: string,
  contents: readonly number[],
  { overdueAfterSeconds = 600, base, encrypted }: SmallSetOptions,
): Plan {
  const features = [
    ...(base ? ['carried' as const] : []),
    ...(encrypted ? ['encrypted' as const] : []),
  ];
  return {
    format: 'stowage/plan',
    version: FORMAT_VERSION,
    timestamp,
    startedAt: AT,
    cluster: 'small',
    flavour: 'shards',
    database: 'places',
    root: store.url,
    tool: 'test 1',
    overdueAfterSeconds,
    snapshot: { mechanism: 'barrier', takenAt: AT, writerWaitMs: 3, attempts: 1 },
    frameBytes: 4096,
    packBytes: 65536,
    compression: { algorithm: 'zstd', level: 1 },
    ...(features.length > 0 && { features }),
    ...(base && { base: base.base }),
    ...(encrypted && { encryption: encrypted.encryption }),
    selection: EVERYTHING,
    relations: base ? RELATIONS.map((one) => ({ ...one, baseRelation: one.id })) : RELATIONS,
    notShipped: [],
    contents: contents.map((content) => ({
      content,
      host: `host-${content}`,
      port: 5432,
      serverVersion: '15.1',
      encoding: 'UTF8',
      metadata: METADATA,
      relations: [[0, 2]],
      refresh: [],
      ...basePin(base?.parts.get(content)),
    })),
  };
}

const basePin = (bytes: Uint8Array | undefined) => (bytes ? { base: digestOf(bytes) } : {});

function carriedFrom({ relation, rows, bytes, digest = '' }: Frame['extent'], from: number) {
  return { relation, from, rows, bytes, digest };
}

function receipt(
  timestamp: string,
  shipment: { content: number; attempt: number; worker: number; sequence: number },
  what:
    | { kind: 'pack'; object: ObjectRef; extents: Extent[] }
    | { kind: 'carried'; extents: CarriedExtent[] }
    | { kind: 'metadata'; object: ObjectRef; file: MetadataFile },
): Stored {
  return document(formatKey({ kind: 'receipt', timestamp, ...shipment }), Receipt, {
    format: 'stowage/receipt',
    version: FORMAT_VERSION,
    timestamp,
    ...shipment,
    startedAt: AT,
    finishedAt: AT,
    ...what,
  });
}

function document<Schema extends Parameters<typeof encode>[0]>(
  key: string,
  schema: Schema,
  value: Parameters<typeof encode<Schema>>[1],
): Stored {
  return { key, bytes: encode(schema, value) };
}

async function put(store: ObjectStore, key: string, bytes: Buffer): Promise<ObjectRef> {
  const { etag } = await store.create(key, bytes);
  return {
    key,
    bytes: bytes.length,
    crc32: hex(crc32(bytes)),
    ...(etag === undefined ? {} : { etag }),
  };
}
