import { digestOf, encode } from '../base/document.ts';
import { formatKey, setPrefix } from '../base/keys.ts';
import type { ManifestPart } from '../documents/manifest.ts';
import { idsOf, type Ranges, rangesOf } from '../documents/plan.ts';
import type { Extent } from '../documents/receipt.ts';
import { Witnesses } from '../documents/witnesses.ts';
import type { RelationWitness } from '../witness/kinds.ts';
import { type SetParts, TIMESTAMP } from './builders.ts';
import { baseDocument, emptyPart, OLD } from './carried-set.ts';
import { extent, pack, parts, place, plan, sealedRelation } from './small-set.ts';
import { seenNow, seenThen, witnessOf } from './witnessed-set.ts';

/** A range of blocks of table `a`: its frames of 10 rows, and whether its blocks changed. */
export interface TestRange {
  readonly frames: number;
  readonly isChanged: boolean;
}

/** What a test changes. */
export interface RangedChange {
  readonly witnesses?: (document: Witnesses) => Witnesses;
  readonly base?: (part: ManifestPart) => ManifestPart;
}

const same = <Value>(value: Value) => value;

export const rangedWitness = (count: number, changed?: Ranges): RelationWitness => {
  const witness = witnessOf(0, changed === undefined ? 0 : 1);
  const ranges = { blocks: 8, count, ...(changed && { changed }) };
  return witness.kind === 'wal-summary' ? { ...witness, ranges } : witness;
};

/** The ranges that changed. */
export const changedOf = (ranges: readonly TestRange[]): Ranges =>
  rangesOf(ranges.flatMap(({ isChanged }, range) => (isChanged ? [range] : [])));

/** The small set: table `a` is read in those of its ranges that changed, table `b` whole. */
export function readInPart(ranges: readonly TestRange[], change: RangedChange = {}): SetParts {
  const changed = changedOf(ranges);
  const read = new Set(idsOf(changed));
  const count = ranges.length;
  const frames = ranges.flatMap(({ frames: some }, range) =>
    Array.from({ length: some }, () => range),
  );
  const base = (change.base ?? same)({
    ...emptyPart,
    witness: seenThen,
    relations: [
      {
        ...{ relation: 0, rows: frames.length * 10, bytes: frames.length * 20, readAt: OLD },
        ...{ witness: rangedWitness(count), readRanges: [[0, count - 1]] },
      },
    ],
    packs: frames.length === 0 ? [] : [packOfBase(frames)],
  });
  const document = (change.witnesses ?? same)({
    ...{ format: 'stowage/witnesses', version: 1, timestamp: TIMESTAMP, content: 0 },
    ...seenNow,
    relations: [
      {
        ...{ relation: 0, witness: rangedWitness(count, changed) },
        ...{ readAt: OLD, readRanges: changed },
      },
    ],
  });
  const bytes = encode(Witnesses, document);
  const shipped = frames.filter((range) => read.has(range));
  const [baseBytes, witnesses] = [baseDocument(base), digestOf(bytes)];
  return parts(
    [pack(1, [extent(1, 0), ...shipped.map((range, at) => extent(0, 5 + at * 5, { range }))])],
    [sealedRelation(0, shipped.length * 10, { ranges: changed }), sealedRelation(1, 10)],
    {
      plan: {
        ...plan,
        features: ['carried', 'witness'],
        base: { timestamp: OLD, manifestSha256: '0'.repeat(64) },
        relations: plan.relations.map((relation) => ({ ...relation, baseRelation: relation.id })),
        contents: [{ ...place, base: digestOf(baseBytes.bytes), witnesses }],
      },
      baseParts: [baseBytes],
      witnesses: [
        { key: formatKey({ kind: 'witnesses', timestamp: TIMESTAMP, content: 0 }), bytes },
      ],
    },
  );
}

/** Of the frame of that number in the base. */
export const digestOfFrame = (at: number) => `${at}`.padStart(32, 'd');

function packOfBase(frames: readonly number[]): ManifestPart['packs'][number] {
  const extents = frames.map((range, at): Extent => {
    return extent(0, at * 5, { range, digest: digestOfFrame(at) });
  });
  const { object } = pack(7, extents);
  return { ...object, key: object.key.replace(setPrefix(TIMESTAMP), setPrefix(OLD)), extents };
}
