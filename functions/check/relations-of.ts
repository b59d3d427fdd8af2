import type { Problem } from '../../backup-set/base/verdict.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Extent } from '../../backup-set/documents/receipt.ts';

/** A pack can hold a thousand small tables; a message names the first few. */
const NAMED_MAX = 3;

/** The relation with this id: the ids of a manifest count from 0, as in its plan. */
export function relationName({ relations }: Manifest, id: number): Problem['relation'] {
  const relation = relations[id];
  return relation?.id === id ? { schema: relation.schema, name: relation.name } : undefined;
}

/**
 * The relations with rows in a pack: a single one as a field, several as text for a message. Called
 * for every pack of a damaged set, so it costs no more than the extents of the pack.
 */
export function relationsOf(
  manifest: Manifest,
  extents: readonly Extent[],
): { relation?: NonNullable<Problem['relation']>; text: string } {
  const ids = [...new Set(extents.map(({ relation }) => relation))].sort((a, b) => a - b);
  const names = ids.flatMap((id) => relationName(manifest, id) ?? []);
  const [only] = names;
  if (only !== undefined && names.length === 1) return { relation: only, text: '' };
  const listed = names.slice(0, NAMED_MAX).map(({ schema, name }) => `${schema}.${name}`);
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : '';
  return { text: `${listed.join(', ')}${more}` };
}
