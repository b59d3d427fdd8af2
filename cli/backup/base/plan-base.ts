import type { Plan, Relation } from '../../../backup-set/documents/plan.ts';
import type { ChosenBase } from './choose.ts';

type Body = Omit<Plan, 'timestamp'>;

/**
 * Names the base in the plan of a set: its parts by digest, and its relations by id.
 * @returns the plan unchanged when the base has other contents.
 */
export function withBase(body: Body, { manifest, manifestSha256 }: ChosenBase): Body {
  const parts = new Map(manifest.contents.map(({ content, part }) => [content, part]));
  const isSame =
    parts.size === body.contents.length && body.contents.every(({ content }) => parts.has(content));
  if (!isSame) return body;
  const baseRelation = relationsOf(manifest.relations);
  return {
    ...body,
    features: ['carried'],
    base: { timestamp: manifest.timestamp, manifestSha256 },
    relations: body.relations.map((relation) => {
      const id = baseRelation(relation);
      return id === undefined ? relation : { ...relation, baseRelation: id };
    }),
    contents: body.contents.map((planned) => {
      const part = parts.get(planned.content);
      return part === undefined ? planned : { ...planned, base: part };
    }),
  };
}

/**
 * Finds the relation of a name. Shards can differ in its columns: then there are several of that
 * name, and the one with the same columns is meant.
 */
function relationsOf(relations: readonly Relation[]) {
  const byName = Map.groupBy(relations, ({ schema, name }) => JSON.stringify([schema, name]));
  return ({ schema, name, columns }: Relation): number | undefined => {
    const named = byName.get(JSON.stringify([schema, name])) ?? [];
    if (named.length === 1) return named[0]?.id;
    return named.find((other) => JSON.stringify(other.columns) === JSON.stringify(columns))?.id;
  };
}
