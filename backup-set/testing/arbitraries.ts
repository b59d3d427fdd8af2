import * as fc from 'fast-check';
import { formatKey } from '../base/keys.ts';
import { idsOf, type Plan } from '../documents/plan.ts';
import type { Extent, ObjectReceipt, Receipt, RowFormat } from '../documents/receipt.ts';
import type { SealedRelation } from '../documents/seal.ts';
import { AT, type SetParts, TIMESTAMP } from './builders.ts';
import { plan } from './plans.ts';

const crc32 = fc.stringMatching(/^[0-9a-f]{8}$/);
const small = fc.integer({ min: 1, max: 4 });

type Frame = Omit<Extent, 'offset'> & { attempt: number; worker: number; slot: number };
interface Shipped {
  readonly relation: number;
  readonly attempt: number;
  readonly rowFormat?: RowFormat;
  readonly frames: readonly Frame[];
}

/**
 * The frames of one relation and content: none or many, and those of a failed attempt, which can
 * be an attempt in another row format.
 */
const shippedOf = (relation: number): fc.Arbitrary<Shipped> =>
  fc
    .record({
      attempt: fc.integer({ min: 1, max: 2 }),
      isBinary: fc.nat(5).map((nth) => nth === 0),
      frames: fc.array(frameOf, { maxLength: 5 }),
    })
    .map(({ attempt, isBinary, frames }) => ({
      relation,
      attempt,
      ...formatIf(isBinary),
      frames: frames.map(({ isOther, ...frame }) => {
        return { ...frame, ...formatIf(isBinary !== isOther), relation };
      }),
    }));

const formatIf = (isBinary: boolean) => (isBinary ? { rowFormat: 'binary' as const } : {});

const frameOf = fc.record({
  isOther: fc.nat(5).map((nth) => nth === 0),
  attempt: fc.integer({ min: 1, max: 3 }),
  worker: fc.integer({ min: 1, max: 2 }),
  slot: fc.integer({ min: 0, max: 1 }),
  length: small,
  rows: small,
  bytes: small,
  crc32,
});

/**
 * Plan, receipts and seal that agree, with relations without rows, packs of several relations and
 * receipts of failed attempts.
 */
export const consistentSetOf = (plans: fc.Arbitrary<Plan>): fc.Arbitrary<SetParts> =>
  plans.chain((made) =>
    fc
      .tuple(
        ...made.contents.map((planned) =>
          fc.record({
            shipped: fc.tuple(...[...idsOf(planned.relations)].map(shippedOf)),
            metadataAttempt: fc.integer({ min: 1, max: 2 }),
            etag: fc.option(fc.string(), { nil: undefined }),
            sealDead: fc.boolean(),
          }),
        ),
      )
      .map((contents) => assemble(made, contents)),
  );

export const consistentSet: fc.Arbitrary<SetParts> = consistentSetOf(plan);

interface Delivered {
  readonly shipped: readonly Shipped[];
  readonly metadataAttempt: number;
  readonly etag: string | undefined;
  readonly sealDead: boolean;
}

function assemble(made: Plan, contents: readonly Delivered[]): SetParts {
  const sealed: ObjectReceipt[] = [];
  const dead: ObjectReceipt[] = [];
  const counts: [number, SealedRelation[]][] = [];
  made.contents.forEach(({ content, metadata }, at) => {
    const { shipped = [], metadataAttempt = 1, etag, sealDead = false } = contents[at] ?? {};
    metadata.forEach((file, index) => {
      const key = formatKey({
        kind: 'metadata',
        timestamp: TIMESTAMP,
        content,
        attempt: metadataAttempt,
        file,
      });
      const shipment = { content, attempt: metadataAttempt, worker: 0, sequence: index + 1 };
      sealed.push({
        ...receipt(shipment, { key, bytes: 9, crc32: '00000000' }, etag),
        kind: 'metadata',
        file,
      });
    });
    const attempts = new Map(shipped.map(({ relation, attempt }) => [relation, attempt]));
    for (const pack of packsOf(
      content,
      shipped.flatMap(({ frames }) => frames),
      etag,
    )) {
      const counts = pack.extents.some(({ relation }) => attempts.get(relation) === pack.attempt);
      // A seal names whole attempts: it may name packs without counting extents.
      (counts || (sealDead && pack.attempt < 3) ? sealed : dead).push(pack);
    }
    counts.push([content, shipped.map(countOf)]);
  });
  return { plan: made, sealed, dead, counts: new Map(counts) };
}

function countOf({ relation, attempt, rowFormat, frames }: Shipped): SealedRelation {
  const counting = frames.filter(
    (frame) => frame.attempt === attempt && frame.rowFormat === rowFormat,
  );
  const sum = (field: 'rows' | 'bytes') =>
    counting.reduce((total, frame) => total + frame[field], 0);
  const format = rowFormat && { rowFormat };
  return { relation, attempt, rows: sum('rows'), bytes: sum('bytes'), ...format };
}

function packsOf(content: number, frames: readonly Frame[], etag: string | undefined) {
  const groups = Map.groupBy(frames, ({ attempt, worker, slot }) => `${attempt}-${worker}-${slot}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    let end = 0;
    const extents = group.map((frame): Extent => {
      const { relation, length, rows, bytes, crc32: crc, rowFormat } = frame;
      const offset = end;
      end += length;
      return { relation, offset, length, rows, bytes, crc32: crc, ...(rowFormat && { rowFormat }) };
    });
    const shipment = {
      content,
      attempt: first.attempt,
      worker: first.worker,
      sequence: first.slot + 1,
    };
    const key = formatKey({ kind: 'pack', timestamp: TIMESTAMP, ...shipment });
    return [
      {
        ...receipt(shipment, { key, bytes: end, crc32: first.crc32 }, etag),
        kind: 'pack' as const,
        extents,
      },
    ];
  });
}

function receipt(
  shipment: Pick<Receipt, 'content' | 'attempt' | 'worker' | 'sequence'>,
  object: ObjectReceipt['object'],
  etag: string | undefined,
) {
  return {
    format: 'stowage/receipt' as const,
    version: 1 as const,
    timestamp: TIMESTAMP,
    ...shipment,
    object: { ...object, ...(etag === undefined ? {} : { etag }) },
    startedAt: AT,
    finishedAt: AT,
  };
}
