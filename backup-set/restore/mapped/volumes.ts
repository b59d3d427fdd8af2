import type { ManifestPart } from '../../documents/manifest.ts';
import type { RestorePlan, RestoreRequest } from '../../documents/restore/restore.ts';
import type { ContentShape, ContentVolume } from '../bounds.ts';
import { definedBy, targetOf } from './map.ts';

type Named = { readonly schema: string; readonly name: string };
type Chosen<Of = unknown> = ReadonlyMap<number, Of>;

/** True of the relations that are loaded once, though several contents have their rows. */
export function isReferenceOf({
  references = [],
}: Pick<RestoreRequest, 'references'>): (relation: Named) => boolean {
  const names = new Set(references.map(nameOf));
  return (relation) => names.size > 0 && names.has(nameOf(relation));
}

/**
 * Tells which relations a content of the set brings to its target: all but references, whose rows
 * the first content of the rule brings.
 */
export function broughtBy<Of extends Named>(
  request: Pick<RestoreRequest, 'map' | 'references'>,
  chosen: Chosen<Of>,
): (source: number) => Chosen<Of> {
  if (request.map === undefined) return () => chosen;
  const isReference = isReferenceOf(request);
  const others = new Map([...chosen].filter(([, relation]) => !isReference(relation)));
  return (source) => (definedBy(request, targetOf(request, source)) === source ? chosen : others);
}

/** The volumes of the target's contents: the sums over the contents that go into each. */
export function targetVolumes(
  request: Pick<RestoreRequest, 'map'>,
  volumes: readonly ContentVolume[],
): RestorePlan['contents'] {
  return [...(request.map ?? [])]
    .sort((a, b) => a.to - b.to)
    .map(({ to, from }) => {
      const own = volumes.filter(({ content }) => from.includes(content));
      const sum = (field: 'rows' | 'bytes' | 'storedBytes') =>
        own.reduce((total, volume) => total + volume[field], 0);
      return {
        content: to,
        // The other contents have no relation that the first one lacks.
        relations: own.find(({ content }) => content === from[0])?.relations ?? 0,
        rows: sum('rows'),
        bytes: sum('bytes'),
        storedBytes: sum('storedBytes'),
      };
    });
}

/** What is compared of the chosen relations of a content with those of others. */
export function shapeOf(
  request: Pick<RestoreRequest, 'references'>,
  { relations }: Pick<ManifestPart, 'relations'>,
  chosen: Chosen<Named>,
): ContentShape {
  const isReference = isReferenceOf(request);
  const held = relations.filter(({ relation }) => chosen.has(relation));
  return {
    relations: Uint32Array.from(held, ({ relation }) => relation),
    references: held.flatMap(({ relation, rows, bytes }) => {
      const named = chosen.get(relation);
      return named !== undefined && isReference(named) ? [{ relation, rows, bytes }] : [];
    }),
  };
}

const nameOf = ({ schema, name }: Named) => JSON.stringify([schema, name]);
