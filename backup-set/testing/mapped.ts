import * as fc from 'fast-check';
import type { Manifest, ManifestPart } from '../documents/manifest.ts';
import { type Plan, rangesOf } from '../documents/plan.ts';
import type { MapRule } from '../documents/restore/map.ts';
import type { RestoreRequest } from '../documents/restore/restore.ts';
import { consistentSetOf } from './arbitraries.ts';
import { plan } from './plans.ts';
import {
  manifestFrom,
  plannedFrom,
  type RestoreCase,
  requestFor,
  type WholeManifest,
} from './restores.ts';

/** Every content in one rule, in any order, and the rules for as few or as many targets. */
const mapOf = ({ contents }: Plan): fc.Arbitrary<MapRule[]> =>
  fc
    .tuple(
      fc.shuffledSubarray(contents, { minLength: contents.length }),
      fc.array(fc.integer({ min: 0, max: 2 }), {
        minLength: contents.length,
        maxLength: contents.length,
      }),
    )
    .map(([shuffled, targets]) =>
      [...Map.groupBy(shuffled.entries(), ([at]) => targets[at] ?? 0)].map(([to, members]) => ({
        to,
        from: members.map(([, { content }]) => content),
      })),
    );

/** The first content of each rule has all relations, the others have some. */
const fitting = (made: Plan, map: readonly MapRule[]): fc.Arbitrary<Plan> => {
  const all = made.relations.map(({ id }) => id);
  return fc.tuple(...made.contents.map(() => fc.subarray(all))).map((chosen) => ({
    ...made,
    contents: made.contents.map((content, at) => ({
      ...content,
      encoding: 'UTF8',
      relations: rangesOf(
        map.some(({ from }) => from[0] === content.content) ? all : (chosen[at] ?? []),
      ),
    })),
  }));
};

/** A set whose contents fit together, and a request that maps them. */
export const mappedCase: fc.Arbitrary<RestoreCase & { request: { map: MapRule[] } }> = plan
  .chain((made) => mapOf(made).map((map) => ({ made, map })))
  .chain(({ made, map }) =>
    manifestFrom(consistentSetOf(fitting(made, map))).chain((whole) =>
      fc
        .record({
          references: fc.subarray(whole.manifest.relations.map(({ id }) => id)),
          mode: fc.constantFrom('create' as const, 'truncate' as const),
        })
        .map(({ references, mode }) => {
          const request = mappedRequest(whole.manifest, map, { mode });
          const named = whole.manifest.relations
            .filter(({ id }) => references.includes(id))
            .map(({ schema, name }) => ({ schema, name, why: 'named' as const }));
          return {
            ...withEqualRows(whole, references),
            request: { ...request, map, ...(named.length > 0 && { references: named }) },
          };
        }),
    ),
  )
  .filter((restore) => plannedFrom(restore).ok);

export function mappedRequest(
  manifest: Manifest,
  map: MapRule[],
  change: Partial<RestoreRequest> = {},
): RestoreRequest {
  const request = requestFor(manifest, change);
  const contents = map.map(({ to }) => ({ content: to, host: 'target', port: 5432 }));
  return { ...request, target: { ...request.target, contents }, map };
}

/** Gives these relations the same rows on every content that has them. */
function withEqualRows(whole: WholeManifest, references: readonly number[]): WholeManifest {
  const counts = { rows: 3, bytes: 30 };
  const parts = whole.parts.map((part): ManifestPart => {
    const held = part.relations.map(({ relation }) => relation);
    const copied = references.filter((id) => held.includes(id));
    const packs = part.packs.map((pack) => ({
      ...pack,
      extents: pack.extents.filter(({ relation }) => !references.includes(relation)),
    }));
    const extents = copied.map((relation, at) => ({
      relation,
      offset: at * 10,
      length: 10,
      crc32: '00000000',
      ...counts,
    }));
    const pack = { key: `copies-${part.content}`, bytes: 10, crc32: '00000000', extents };
    return {
      ...part,
      relations: part.relations.map((counted) =>
        references.includes(counted.relation) ? { relation: counted.relation, ...counts } : counted,
      ),
      packs: copied.length === 0 ? packs : [...packs, pack],
    };
  });
  return { ...whole, parts };
}
