import type { Plan, Relation } from '../../../backup-set/documents/plan.ts';
import type { ChosenBase } from './candidate.ts';

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
 * Finds the relation of a name. Shards can differ in its columns or their types: then there are
 * several of that name, and the one that differs least is meant.
 */
function relationsOf(relations: readonly Relation[]) {
  const byName = Map.groupBy(relations, ({ schema, name }) => JSON.stringify([schema, name]));
  return (relation: Relation): number | undefined => {
    const named = byName.get(JSON.stringify([relation.schema, relation.name])) ?? [];
    if (named.length === 1) return named[0]?.id;
    const alike = named.filter((other) => isSame(other.columns, relation.columns));
    return (alike.find((other) => isSame(typesOf(other), typesOf(relation))) ?? alike[0])?.id;
  };
}

const typesOf = ({ types, generated }: Relation) => [types, generated];
const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
