import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { chooseEntries, PARTS, RELATIONS } from '../tools/schema-entries.ts';
import type { ArchiveObject } from './expected.ts';

/** Which objects of an archive a restore makes, or needs in its target. */
export interface ObjectChoice {
  readonly mode: 'create' | 'fill' | 'truncate';
  /** The chosen tables, as orders name them; absent: the whole set. */
  readonly only?: readonly QualifiedName[] | undefined;
  /** The relations that the restore loads, and the partition roots of these. */
  readonly loaded: readonly QualifiedName[];
}

/** A restore that runs no DDL leaves rights and comments of its target as they are. */
const REMARKS = ['ACL', 'COMMENT', 'SECURITY LABEL'];
/** Parts that are tagged with the name of their table and their own. */
const TAGGED_WITH_TABLE = [
  'DEFAULT',
  'CHECK CONSTRAINT',
  'FK CONSTRAINT',
  'CONSTRAINT',
  'RULE',
  'TRIGGER',
  'POLICY',
];

/**
 * The objects that must exist after a restore: all that pg_restore was told to make or, with
 * `truncate`, the tables that were loaded and their parts.
 */
export function chooseObjects(
  objects: readonly ArchiveObject[],
  { mode, only, loaded }: ObjectChoice,
): ArchiveObject[] {
  if (only === undefined)
    return mode === 'truncate' ? withoutRemarks(tablesWithParts(objects, loaded)) : [...objects];
  const entries = objects.map((object) => ({
    ...object,
    object,
    tag: `${object.schema === '' ? '-' : object.schema} ${object.name ?? ''} `,
  }));
  const { chosen } = chooseEntries(entries, only, { withNeeds: mode === 'create' });
  const made = [...chosen].map(({ object }) => object);
  return mode === 'truncate' ? withoutRemarks(made) : made;
}

const withoutRemarks = (objects: readonly ArchiveObject[]) =>
  objects.filter(({ kind }) => !REMARKS.includes(kind));

/** Tables with everything that depends on them and on no other table. */
function tablesWithParts(
  objects: readonly ArchiveObject[],
  tables: readonly QualifiedName[],
): ArchiveObject[] {
  const nameOf = ({ schema, name }: Pick<ArchiveObject, 'schema' | 'name'>) =>
    JSON.stringify([schema, name]);
  const wanted = new Set(tables.map(nameOf));
  const byId = new Map(objects.map((object) => [object.id, object]));
  const known = new Map<ArchiveObject, boolean>();
  const isOwn = (object: ArchiveObject): boolean => {
    const before = known.get(object);
    if (before !== undefined) return before;
    // Dependencies have no circles between parts; if an archive has one, it ends here.
    known.set(object, false);
    const own = isTableOrPart(object);
    known.set(object, own);
    return own;
  };
  const isTableOrPart = (object: ArchiveObject): boolean => {
    const { kind, name } = object;
    if (RELATIONS.includes(kind)) return kind === 'TABLE' && wanted.has(nameOf(object));
    if (!PARTS.includes(kind) || name === undefined) return false;
    const needed = object.dependsOn.flatMap((id) => byId.get(id) ?? []);
    if (!TAGGED_WITH_TABLE.includes(kind)) {
      const binding = needed.filter(
        (other) => RELATIONS.includes(other.kind) || PARTS.includes(other.kind),
      );
      return binding.length > 0 && binding.every(isOwn);
    }
    // Of the tables `a` and `a b`, the tag `a b c` names the second.
    const [table] = needed
      .filter((other) => RELATIONS.includes(other.kind) && name.startsWith(`${other.name} `))
      .sort((one, other) => (other.name ?? '').length - (one.name ?? '').length);
    return table !== undefined && isOwn(table);
  };
  return objects.filter(isOwn);
}
