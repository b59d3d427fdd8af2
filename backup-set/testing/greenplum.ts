import * as fc from 'fast-check';
import type { Manifest } from '../documents/manifest.ts';
import { type Plan, type PlannedContent, type Relation, rangesOf } from '../documents/plan.ts';
import type { RestoreRequest } from '../documents/restore/restore.ts';
import { consistentSetOf } from './arbitraries.ts';
import { documentsOf, type SetParts, sealOf, type WholeSeal } from './builders.ts';
import { fold } from './fold-whole.ts';
import { hostileName, qualifiedName } from './names.ts';
import { PLAN, relations } from './plans.ts';
import { requestFor, restoreCaseOf, type WholeManifest } from './restores.ts';

type Mechanism = Plan['snapshot']['mechanism'];

/** How a relation is shipped: by every segment its own rows, or by one content (the holder). */
interface Distribution {
  readonly holder?: number;
  readonly is: Partial<
    Pick<Relation, 'replicated' | 'redistribute' | 'condition' | 'fromCoordinator'>
  >;
}

/**
 * A replicated table has no condition. Under dispatch the coordinator ships it, the rows of a
 * condition, and small tables. Under a barrier one segment ships it, and every segment its own rows
 * of a condition. Through the coordinator it ships all.
 */
function distributionOf(
  { kind }: Relation,
  segments: number,
  mechanism: Mechanism,
): fc.Arbitrary<Distribution> {
  const coordinator = mechanism === 'barrier' ? {} : { holder: -1 };
  const own = mechanism === 'coordinator' ? { holder: -1 } : {};
  const slices = fc.constantFrom<Distribution>(
    { is: {}, ...own },
    { is: {}, ...own },
    { is: { redistribute: true }, ...own },
    { is: { condition: 'id > 7' }, ...coordinator },
    ...(mechanism === 'dispatch' ? SMALL : []),
  );
  if (kind !== 'table') return slices;
  const holder =
    mechanism === 'barrier' ? fc.integer({ min: 0, max: segments - 1 }) : fc.constant(-1);
  const whole = fc.record({ holder, is: fc.constant({ replicated: true as const }) });
  return fc.oneof({ arbitrary: slices, weight: 2 }, whole);
}

const SMALL: readonly Distribution[] = [
  { is: { fromCoordinator: true }, holder: -1 },
  { is: { fromCoordinator: true, redistribute: true }, holder: -1 },
];

/** A plan of a Greenplum: definitions from the coordinator, rows from contents 0 to N−1. */
const greenplumPlan = (mechanism: Mechanism): fc.Arbitrary<Plan> =>
  fc
    .record({ segments: fc.integer({ min: 1, max: 3 }), list: relations })
    .chain(({ segments, list }) =>
      fc
        .record({
          database: hostileName,
          distributions: fc.tuple(
            ...list.map((relation) => distributionOf(relation, segments, mechanism)),
          ),
          metadata: fc.subarray(['globals.sql.zst', 'schema.dump', 'sequences.sql.zst'] as const),
          refresh: fc.array(qualifiedName, { maxLength: 2 }),
        })
        .map(({ database, distributions, metadata, refresh }) => ({
          ...PLAN,
          flavour: 'greenplum',
          database,
          snapshot: { ...PLAN.snapshot, mechanism },
          relations: list.map(({ condition: _, ...relation }, at) => ({
            ...relation,
            ...distributions[at]?.is,
          })),
          contents: [
            placeOf(-1, { metadata, refresh, relations: shippedBy(-1, distributions) }),
            ...Array.from({ length: mechanism === 'coordinator' ? 0 : segments }, (_, content) =>
              placeOf(content, { relations: shippedBy(content, distributions) }),
            ),
          ],
        })),
    );

/** Distributed rows are on segments, unless they have a holder. */
const shippedBy = (content: number, distributions: readonly Distribution[]) =>
  rangesOf(
    [...distributions.keys()].filter((id) => {
      const holder = distributions[id]?.holder;
      return holder === undefined ? content >= 0 : holder === content;
    }),
  );

function placeOf(content: number, change: Partial<PlannedContent>): PlannedContent {
  return {
    content,
    host: 'h',
    port: 6000 + content,
    serverVersion: '6.24.3',
    encoding: 'UTF8',
    metadata: [],
    relations: [],
    refresh: [],
    ...change,
  };
}

export const barrierSet: fc.Arbitrary<SetParts> = consistentSetOf(greenplumPlan('barrier'));
/** Taken through the coordinator. */
export const throughSet: fc.Arbitrary<SetParts> = consistentSetOf(greenplumPlan('coordinator'));
export const dispatchedSet: fc.Arbitrary<SetParts> = consistentSetOf(greenplumPlan('dispatch'));

/** The seal of these parts. For a dispatch it has the coordinator's counts over all contents. */
export function greenplumSealOf(parts: SetParts): WholeSeal {
  const seal = sealOf(parts);
  if (parts.plan.snapshot.mechanism !== 'dispatch') return seal;
  const counts = [...parts.counts.values()].flat();
  const dispatched = parts.plan.relations.map(({ id }) => ({
    relation: id,
    rows: counts
      .filter(({ relation }) => relation === id)
      .reduce((total, { rows }) => total + rows, 0),
  }));
  return { ...seal, dispatched };
}

const wholeGreenplum: fc.Arbitrary<WholeManifest> = fc
  .oneof(barrierSet, dispatchedSet, throughSet)
  .map((parts) => {
    const folded = fold(documentsOf(parts, { seal: greenplumSealOf(parts) }));
    if (folded.status !== 'complete') throw new Error(JSON.stringify(folded.problems));
    return folded;
  });

export const greenplumManifest: fc.Arbitrary<Manifest> = wholeGreenplum.map(
  ({ manifest }) => manifest,
);

/** A whole Greenplum with this many segments as target, in reverse order. */
export function targetOf(made: Manifest, segments: number): RestoreRequest['target'] {
  const contents = Array.from({ length: segments + 1 }, (_, at) => ({
    content: segments - at - 1,
    host: 'target',
    port: 5432,
  }));
  return { ...requestFor(made).target, contents };
}

/** A restore of a set into a Greenplum with as many, fewer or more segments. */
export const greenplumCase = restoreCaseOf(wholeGreenplum, ({ manifest: made }) =>
  fc
    .record({
      segments: fc.oneof(
        fc.constant(Math.max(1, made.contents.length - 1)),
        fc.integer({ min: 1, max: 5 }),
      ),
      resize: fc.constantFrom(false, false, true),
      small: fc.option(fc.nat(2_000), { nil: undefined }),
    })
    .map(({ segments, resize, small }) => ({
      target: targetOf(made, segments),
      resize,
      ...(small !== undefined && { smallTableBytes: small }),
    })),
);
