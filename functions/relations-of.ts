import type { Manifest, ManifestPart } from '../backup-set/manifest.ts';
import type { Problem } from '../backup-set/verdict.ts';

/** Enough to recognise what is concerned; a pack can hold a thousand small tables. */
const NAMED_MAX = 3;

/** The relations with rows in a pack: the name where it is one, and a phrase for people where there are several. */
export function relationsOf(
  manifest: Manifest,
  part: ManifestPart,
  key: string,
): { relation?: NonNullable<Problem['relation']>; text: string } {
  const pack = part.packs.find((candidate) => candidate.key === key);
  const ids = new Set(pack?.extents.map(({ relation }) => relation));
  const names = manifest.relations.filter(({ id }) => ids.has(id));
  const [only] = names;
  if (only !== undefined && names.length === 1)
    return { relation: { schema: only.schema, name: only.name }, text: '' };
  const listed = names.slice(0, NAMED_MAX).map(({ schema, name }) => `${schema}.${name}`);
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : '';
  return { text: `${listed.join(', ')}${more}` };
}
