import * as fc from 'fast-check';
import type { Manifest } from '../manifest.ts';
import { type Plan, type PlannedContent, type Relation, rangesOf } from '../plan.ts';
import type { RestoreRequest } from '../restore.ts';
import { consistentSetOf } from './arbitraries.ts';
import { hostileName, qualifiedName } from './names.ts';
import { PLAN, relations } from './plans.ts';
import { manifestFrom, requestFor, restoreCaseOf } from './restores.ts';

/** Per relation the one content that ships it (dispatched: −1), as every segment holds all of it; undefined = distributed. */
type Holders = readonly (number | undefined)[];

/** Only a whole table can be replicated. */
const holdersOf = (list: readonly Relation[], segments: number): fc.Arbitrary<Holders> =>
  fc.tuple(
    ...list.map(({ kind }) =>
      kind === 'table'
        ? fc.option(fc.integer({ min: -1, max: segments - 1 }), { nil: undefined, freq: 2 })
        : fc.constant(undefined),
    ),
  );

/** As a backup of a Greenplum plans it: definitions from the coordinator, distributed rows from contents 0 to N−1. */
const greenplumPlan: fc.Arbitrary<Plan> = fc
  .record({ segments: fc.integer({ min: 1, max: 3 }), list: relations })
  .chain(({ segments, list }) =>
    fc
      .record({
        database: hostileName,
        holders: holdersOf(list, segments),
        metadata: fc.subarray(['globals.sql.zst', 'schema.dump', 'sequences.sql.zst'] as const),
        refresh: fc.array(qualifiedName, { maxLength: 2 }),
      })
      .map(({ database, holders, metadata, refresh }) => ({
        ...PLAN,
        flavour: 'greenplum',
        database,
        relations: list.map((relation, at) =>
          holders[at] === undefined ? relation : { ...relation, replicated: true as const },
        ),
        contents: [
          placeOf(-1, { metadata, refresh, relations: shippedBy(-1, holders) }),
          ...Array.from({ length: segments }, (_, content) =>
            placeOf(content, { relations: shippedBy(content, holders) }),
          ),
        ],
      })),
  );

/** Only the segments hold what is distributed. */
const shippedBy = (content: number, holders: Holders) =>
  rangesOf([...holders.keys()].filter((id) => (holders[id] ?? Math.max(content, 0)) === content));

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

export const greenplumManifest: fc.Arbitrary<Manifest> = manifestFrom(consistentSetOf(greenplumPlan));

/** A target that is a whole Greenplum with this many segments, the last of them first. */
export function targetOf(made: Manifest, segments: number): RestoreRequest['target'] {
  const contents = Array.from({ length: segments + 1 }, (_, at) => ({
    content: segments - at - 1,
    host: 'target',
    port: 5432,
  }));
  return { ...requestFor(made).target, contents };
}

/** A set of N segments, and a request that brings it into as many, fewer or more. */
export const greenplumCase = restoreCaseOf(greenplumManifest, (made) =>
  fc
    .record({
      segments: fc.oneof(fc.constant(made.contents.length - 1), fc.integer({ min: 1, max: 5 })),
      resize: fc.constantFrom(false, false, true),
    })
    .map(({ segments, resize }) => ({ target: targetOf(made, segments), resize })),
);
