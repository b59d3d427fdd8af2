import { count } from '../../backup-set/base/words.ts';
import type { Plan, Relation } from '../../backup-set/documents/plan.ts';
import type { SealPart } from '../../backup-set/documents/seal.ts';
import { printable } from './format.ts';

const SHOWN = 8;

type Shipped = Pick<SealPart, 'content' | 'relations'>;

/** Relations of a backup whose rows are COPY BINARY, each with the contents where they are. */
export function binaryRelations(
  { relations }: Pick<Plan, 'relations'>,
  shipped: Iterable<Shipped>,
) {
  const contents = new Map<number, number[]>();
  for (const { content, relations } of shipped)
    for (const { relation, rowFormat } of relations)
      if (rowFormat !== undefined)
        contents.set(relation, [...(contents.get(relation) ?? []), content]);
  return [...contents].flatMap(([id, of]) => {
    const relation = relations[id];
    return relation === undefined
      ? []
      : [{ schema: relation.schema, name: relation.name, contents: of }];
  });
}

/** No line when no relation has them. */
export function binaryLines(relations: readonly Pick<Relation, 'schema' | 'name'>[]): string[] {
  if (relations.length === 0) return [];
  const shown = relations.slice(0, SHOWN).map(({ schema, name }) => printable(`${schema}.${name}`));
  const more = relations.length - shown.length;
  const rest = more > 0 ? ` and ${count(more)} more (--json lists them)` : '';
  return [
    `stored as COPY BINARY, because a row is too long for COPY text: ${shown.join(', ')}${rest}`,
  ];
}
