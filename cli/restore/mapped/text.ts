import type { QualifiedName } from '../../../backup-set/base/selection.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import { count, plural } from '../../../backup-set/base/words.ts';
import type { MapRule, Reference } from '../../../backup-set/documents/restore/map.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { printable } from '../../output/format.ts';

/** What a mapped restore does, beside what every restore does. */
export interface MappedRestore {
  readonly map: readonly MapRule[];
  /** Tables of which one copy is loaded. */
  readonly references: readonly Reference[];
  /** Tables with equal rows on several contents, of which all copies are loaded. */
  readonly loadedFromEach: readonly QualifiedName[];
  /** Objects that are not the same on all contents of a rule. */
  readonly differences: readonly Problem[];
}

/** The mapping of a request; undefined when it has none. */
export function mappedOf(
  { map, references = [] }: Pick<RestoreRequest, 'map' | 'references'>,
  more: Partial<Pick<MappedRestore, 'loadedFromEach' | 'differences'>> = {},
): MappedRestore | undefined {
  if (map === undefined) return undefined;
  return { map, references, loadedFromEach: [], differences: [], ...more };
}

/** Names in a text; --json has all. */
const SHOWN = 8;

/** `contents 0, 1 of the set into content 0; contents 2, 3 into content 1`. */
export function mapText(map: readonly MapRule[]): string {
  const rules = map.map(({ to, from }) => {
    const what = from.length === 1 ? 'content' : 'contents';
    return `${what} ${listed(from.map(String))} into content ${to}`;
  });
  return rules.join('; ');
}

/** What the user must know of the tables and objects, one line for each kind. */
export function mappedLines({ references, loadedFromEach, differences }: MappedRestore): string[] {
  const of = (why: Reference['why']) => references.filter((one) => one.why === why);
  const [keyed, named] = [of('primary-key'), of('named')];
  return [
    ...(keyed.length > 0
      ? [`loaded once, because all contents have the same rows and a primary key: ${tables(keyed)}`]
      : []),
    ...(named.length > 0
      ? [`loaded once, because all contents have the same rows (--reference): ${tables(named)}`]
      : []),
    ...(loadedFromEach.length > 0
      ? [
          `loaded from each content, though their rows are equal, because they have no primary key: ${tables(loadedFromEach)}. --reference loads one copy`,
        ]
      : []),
    ...(differences.length > 0
      ? [
          `${plural(differences.length, 'object')} not the same on all contents: ${listed(differences.map(({ message }) => message))}`,
        ]
      : []),
  ].map(printable);
}

/** The fields of --json. */
export function mappedFields(mapped: MappedRestore | undefined) {
  if (mapped === undefined) return undefined;
  const { map, references, loadedFromEach, differences } = mapped;
  return {
    map,
    references,
    ...(loadedFromEach.length > 0 && { loadedFromEach }),
    ...(differences.length > 0 && {
      differences: differences.map(({ code: _, ...difference }) => difference),
    }),
  };
}

const tables = (names: readonly QualifiedName[]) =>
  listed(names.map(({ schema, name }) => `${schema}.${name}`));

function listed(items: readonly string[]): string {
  const more = items.length - SHOWN;
  return `${items.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
}
