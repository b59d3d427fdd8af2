import * as fc from 'fast-check';
import { decode, encode } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { ManifestPart } from '../../backup-set/documents/manifest.ts';
import type { ObjectReceipt } from '../../backup-set/documents/receipt.ts';
import { consistentSet } from '../../backup-set/testing/arbitraries.ts';
import {
  documentsOf,
  isCounting,
  receiptDocument,
  type SetParts,
  TIMESTAMP,
  type WholeSeal,
} from '../../backup-set/testing/builders.ts';
import { halfOld } from '../../backup-set/testing/carried-set.ts';
import { fold, type SetDocuments } from '../../backup-set/testing/fold-whole.ts';
import { barrierSet, dispatchedSet, greenplumSealOf } from '../../backup-set/testing/greenplum.ts';
import { keyDocument } from '../integration/encrypted/small-keys.ts';
import type { Random } from './random.ts';

/** The possible defects of a set. Only a set with defect `none` may be committed. */
const DEFECTS = [
  ...['none', 'none', 'none', 'none', 'none'],
  ...['receipt-lost', 'receipt-altered', 'failed', 'unsealed', 'miscounted', 'plan-altered'],
] as const;
type Defect = (typeof DEFECTS)[number];

/** A document or object that a shipper, coordinator or replication writes. */
export interface Write {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly etag?: string;
}

/** A set as it arrives in the store, and the documents that the functions must write for it. */
export interface StagedSet {
  readonly timestamp: string;
  readonly defect: Defect;
  readonly parts: SetParts;
  /** All objects of a stage are written before those of the next stage. */
  readonly stages: readonly (readonly Write[])[];
  /**
   * True when documents arrive in the order of a backup; false when a replication shuffles them.
   */
  readonly inOrder: boolean;
  /** All of these must be stored before the manifest is written. */
  readonly needed: readonly string[];
  /** Key → bytes that the functions must write. Empty for a set with a defect. */
  readonly committed: ReadonlyMap<string, Uint8Array>;
  /** Key → bytes that they may write for complete contents of an incomplete set. */
  readonly allowed: ReadonlyMap<string, Uint8Array>;
  /** The status when everything has arrived. */
  readonly status: 'open' | 'complete' | 'incomplete' | 'damaged';
}

/** `mayCarry`: packs of it can lie in an older set. The builders do this for one timestamp. */
export function stagedSet(random: Random, timestamp: string, mayCarry = false): StagedSet {
  const parts = retimed(anySet(random, mayCarry), timestamp);
  const sound = documentsOf(parts, { seal: greenplumSealOf(parts) });
  const { defect, documents, content } = withDefect(random, parts, sound);
  const [whole, folded] = [fold(sound), fold(documents)];
  if (whole.status !== 'complete') throw new Error('a set that should be sound is not');
  const manifestParts = whole.parts.map((part) => ({
    content: part.content,
    key: formatKey({ kind: 'manifest-part', timestamp, content: part.content }),
    bytes: encode(ManifestPart, part),
  }));
  const keys = keysOf(parts);
  // Only of sets whose packs it uses.
  const neededKeys = keys.filter(({ of }) => of === timestamp || whole.manifest.needs.includes(of));
  const soundParts =
    content === undefined ? [] : manifestParts.filter((part) => part.content !== content);
  const entriesOf = (list: readonly Write[]) => list.map(({ key, bytes }) => [key, bytes] as const);
  const inOrder = random.chance(0.6);
  return {
    timestamp,
    defect,
    parts,
    stages: stagesOf(random, parts, documents, { inOrder, keys }),
    inOrder,
    needed: [
      sound.plan.key,
      sound.seal.key,
      ...neededKeys.map(({ key }) => key),
      ...sound.sealParts.map(({ key }) => key),
      ...neededBaseParts(parts),
      ...[...parts.sealed, ...(parts.carried ?? [])].map((receipt) =>
        formatKey({ ...receipt, kind: 'receipt' }),
      ),
    ],
    committed: new Map(
      folded.status === 'complete'
        ? [
            [formatKey({ kind: 'manifest', timestamp }), folded.bytes],
            ...(folded.needs
              ? [[formatKey({ kind: 'needs', timestamp }), folded.needs] as const]
              : []),
            ...entriesOf(manifestParts),
          ]
        : [],
    ),
    allowed: new Map(entriesOf(soundParts)),
    status: folded.status,
  };
}

type Documents = ReturnType<typeof documentsOf>;

interface DefectiveSet {
  readonly defect: Defect;
  readonly documents: SetDocuments;
  /** The content that has the defect; absent when the whole set has it. */
  readonly content?: number;
}

/** Generated sets are expensive, and schedules matter more. So there is a fixed pool of sets. */
const POOL_SETS = 80;
const POOL_SEED = 20_260_131;
const ARBITRARIES = [consistentSet, barrierSet, dispatchedSet];
const pools = new Map<number, readonly SetParts[]>();

function setPool(random: Random): readonly SetParts[] {
  // Half of the sets have the flavour shards.
  const at = Math.max(0, random.below(4) - 1);
  const arbitrary = ARBITRARIES[at] ?? consistentSet;
  const pool = pools.get(at) ?? fc.sample(arbitrary, { seed: POOL_SEED, numRuns: POOL_SETS });
  pools.set(at, pool);
  return pool;
}

/** Half of the sets that may, and have no coordinator, carry rows of an older set. */
function anySet(random: Random, mayCarry: boolean): SetParts {
  const parts = random.pick(setPool(random));
  if (!mayCarry || parts.plan.flavour !== 'shards' || random.chance(0.5)) return parts;
  return halfOld(
    parts,
    parts.sealed.map(() => random.chance(0.5)),
  );
}

/** A content that carries no rows does not need its part of the base, though the plan pins it. */
function neededBaseParts({ baseParts = [], carried = [] }: SetParts): string[] {
  const carrying = new Set(carried.map(({ content }) => content));
  return baseParts
    .filter((document) => carrying.has(decode(ManifestPart, document).content))
    .map(({ key }) => key);
}

/** The wrapped keys of an encrypted set, and of the older sets whose packs it can use. */
function keysOf({ plan: { timestamp, encryption } }: SetParts): (Write & { of: string })[] {
  if (encryption === undefined) return [];
  const sets = [{ timestamp, keyId: encryption.keyId }, ...(encryption.older ?? [])];
  return sets.map(({ timestamp: of, keyId }) => ({ of, ...keyDocument(of, keyId) }));
}

/** The packs of the older set that the parts of the base name. */
function oldPacks({ baseParts = [] }: SetParts): Write[] {
  return baseParts.flatMap((document) =>
    decode(ManifestPart, document).packs.map(({ key, bytes, etag }) => ({
      key,
      bytes: new Uint8Array(bytes),
      ...(etag !== undefined && { etag }),
    })),
  );
}

/** Gives a set a random defect. A set to which the defect cannot apply keeps defect `none`. */
function withDefect(random: Random, parts: SetParts, sound: Documents): DefectiveSet {
  const defect = random.pick(DEFECTS);
  const counting = parts.sealed.filter((receipt) => isCounting(receipt, parts));
  const seal = greenplumSealOf(parts);
  const withSeal = (changed: WholeSeal) => ({
    defect,
    documents: documentsOf(parts, { seal: changed }),
  });
  switch (defect) {
    case 'receipt-lost':
    case 'receipt-altered': {
      if (counting.length === 0) break;
      const hit = random.pick(counting);
      const altered = { ...hit, finishedAt: '2026-01-31T12:00:01.000Z' };
      const all = [...parts.sealed, ...(parts.carried ?? []), ...parts.dead];
      const there = all.filter((receipt) => receipt !== hit);
      const receipts = (defect === 'receipt-lost' ? there : [...there, altered]).map(
        receiptDocument,
      );
      return { defect, documents: { ...sound, receipts }, content: hit.content };
    }
    case 'failed': {
      const failures = [
        { content: parts.plan.contents[0]?.content ?? 0, code: 'shipper/died', message: 'it died' },
      ];
      return withSeal({ ...seal, outcome: 'failed', failures });
    }
    case 'unsealed':
      return {
        defect,
        documents: { plan: sound.plan, receipts: sound.receipts, baseParts: sound.baseParts },
      };
    case 'miscounted': {
      const at = seal.contents.findIndex(({ relations }) => relations.length > 0);
      const contents = seal.contents.map((content, index) => ({
        ...content,
        relations: content.relations.map((word, nth) =>
          index === at && nth === 0 ? { ...word, rows: word.rows + 1 } : word,
        ),
      }));
      if (at === -1) break;
      return { ...withSeal({ ...seal, contents }), content: seal.contents[at]?.content ?? 0 };
    }
    case 'plan-altered': {
      const plan = { ...parts.plan, tool: 'another' };
      return { defect, documents: documentsOf(parts, { seal, plan }) };
    }
    case 'none':
  }
  return { defect: 'none', documents: sound };
}

/**
 * The stages in which a set arrives. Receipts of a dead attempt may arrive after the seal. If the
 * set arrives in order, all that the seal names arrives before it.
 */
function stagesOf(
  random: Random,
  parts: SetParts,
  { plan, receipts, baseParts = [], sealParts = [], seal }: SetDocuments,
  { inOrder, keys }: { readonly inOrder: boolean; readonly keys: readonly Write[] },
): Write[][] {
  const objects: Write[] = [...parts.sealed, ...parts.dead].map(({ object }) => ({
    key: object.key,
    bytes: new Uint8Array(object.bytes),
    ...(object.etag !== undefined && { etag: object.etag }),
  }));
  objects.unshift(...oldPacks(parts));
  const seals = seal === undefined ? [] : [seal];
  if (!inOrder)
    return [
      objects,
      random.shuffled([plan, ...keys, ...baseParts, ...receipts, ...sealParts, ...seals]),
    ];
  const dead = new Set(parts.dead.map((receipt) => formatKey({ ...receipt, kind: 'receipt' })));
  const isLate = new Map(receipts.map(({ key }) => [key, dead.has(key) && random.chance(0.5)]));
  const [late, early] = [true, false].map((when) =>
    receipts.filter(({ key }) => isLate.get(key) === when),
  );
  return [
    [plan, ...keys, ...baseParts],
    [...objects],
    random.shuffled(early ?? []),
    [...sealParts],
    seals,
    late ?? [],
  ];
}

/** Replaces the timestamp of the builders, which is always the same. */
function retimed(parts: SetParts, timestamp: string): SetParts {
  // Carried rows are built for this timestamp only.
  if (timestamp === TIMESTAMP) return parts;
  const again = <T>(value: T): T =>
    JSON.parse(JSON.stringify(value).replaceAll(TIMESTAMP, timestamp)) as T;
  const receipts = (list: readonly ObjectReceipt[]) => list.map((receipt) => again(receipt));
  return {
    plan: again(parts.plan),
    sealed: receipts(parts.sealed),
    dead: receipts(parts.dead),
    counts: parts.counts,
  };
}
