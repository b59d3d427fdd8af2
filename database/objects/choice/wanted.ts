import {
  EVERYTHING,
  type QualifiedName,
  type Selection,
  selector,
  selectsDatabase,
  selectsSchema,
} from '../../../backup-set/base/selection.ts';
import type { ArchiveEntry, EntryGraph } from './entries.ts';
import { OF_THE_DATABASE, PUBLISHED, RELATIONS, REMARKS } from './kinds.ts';

/** What the request of a restore chooses. */
export interface Wanted {
  /** The relations that the restore loads; in Greenplum 6 also the roots of these. */
  readonly only: readonly QualifiedName[];
  /** Absent: an earlier program wrote the order. Then nothing but the tables is chosen. */
  readonly selection?: Selection | undefined;
}

/**
 * The entries that the request chooses itself: the tables and, of a chosen schema, everything. Not
 * what these need, and not the remarks on them.
 */
export function ownEntries<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  { needsOf, tableOf }: EntryGraph<Entry>,
  { only, selection }: Wanted,
): Set<Entry> {
  const named = new Set(only.map(keyOf));
  const selects = selection === undefined ? () => false : selector(selection);
  const isExcluded = exclusion(selection);
  const isSelected = (name: QualifiedName) => named.has(keyOf(name)) || selects(name);
  const own = new Set<Entry>();
  const parents = partitionParents(entries, needsOf);
  const isOwnRelation = (entry: Entry): boolean => {
    const name = { schema: entry.schema, name: entry.name ?? '' };
    if (isSelected(name)) return true;
    // A partition is also selected by the name of its root, of whatever level.
    const parent = parents.get(entry);
    return parent !== undefined && own.has(parent) && !isExcluded(name);
  };
  const isOwn = (entry: Entry): boolean => {
    const { kind, schema, name = '' } = entry;
    if (OF_THE_DATABASE.includes(kind)) return false;
    // Rights on an object of an extension depend on no entry.
    if (REMARKS.includes(kind) && needsOf(entry).length > 0) return false;
    if (PUBLISHED.includes(kind) && !(selection && selectsDatabase(selection))) return false;
    if (RELATIONS.includes(kind)) return isOwnRelation(entry);
    const table = tableOf(entry);
    if (table !== undefined) return own.has(table);
    if (selection === undefined) return false;
    if (kind === 'SEQUENCE') return selects({ schema, name });
    if (kind === 'SCHEMA') return selectsSchema(selection, name);
    return schema === '' ? selectsDatabase(selection) : selectsSchema(selection, schema);
  };
  // A partition can be listed before its root.
  for (let before = -1; before !== own.size; ) {
    before = own.size;
    for (const entry of entries) if (!own.has(entry) && isOwn(entry)) own.add(entry);
  }
  return own;
}

/** Whether a pattern of the selection excludes a relation. */
export function exclusion(selection: Selection | undefined): (relation: QualifiedName) => boolean {
  if (selection === undefined) return () => false;
  const { excludeSchemas, excludeTables } = selection;
  const selects = selector({ ...EVERYTHING, excludeSchemas, excludeTables });
  return (relation) => !selects(relation);
}

/** The partitioned table that each partition belongs to. */
export function partitionParents<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  needsOf: EntryGraph<Entry>['needsOf'],
): ReadonlyMap<Entry, Entry> {
  const parents = new Map<Entry, Entry>();
  for (const entry of entries) {
    if (entry.kind !== 'TABLE ATTACH') continue;
    const [one, other] = needsOf(entry).filter(({ kind }) => RELATIONS.includes(kind));
    if (one === undefined || other === undefined) continue;
    const isFirst = one.schema === entry.schema && one.name === entry.name;
    parents.set(isFirst ? one : other, isFirst ? other : one);
  }
  return parents;
}

const keyOf = ({ schema, name }: QualifiedName) => JSON.stringify([schema, name]);
