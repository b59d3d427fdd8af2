import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Into } from '../../backup-set/documents/restore/names.ts';
import { type Choice, chooseEntries, type Existed } from '../objects/choice/choose.ts';
import { type ArchiveEntry, entryGraph } from '../objects/choice/entries.ts';
import { RELATIONS, REMARKS } from '../objects/choice/kinds.ts';
import { partitionParents, type Wanted } from '../objects/choice/wanted.ts';

/**
 * Chooses the entries of a restore under other names. The copy exists nowhere, and nothing of the
 * target depends on it: views, keys and rules of other objects stay with the original.
 */
export function chooseCopies<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  wanted: Wanted,
  into: Into,
  existed: Existed<Entry>,
): Choice<Entry> {
  const copies = copiesIn(entries, into);
  const { needsOf } = entryGraph(entries);
  // A copy must not become a partition of a table that is not copied.
  const alone = entries.filter((entry) => {
    if (entry.kind !== 'TABLE ATTACH' && entry.kind !== 'INDEX ATTACH') return true;
    const ends = needsOf(entry).filter(({ kind }) => kind !== 'SCHEMA');
    return ends.every((end) => copies.has(end)) || !ends.some((end) => copies.has(end));
  });
  const isThere: Existed<Entry> = (entry) => !copies.has(entry) && existed(entry);
  const choice = chooseEntries(alone, wanted, isThere);
  const users = new Set(choice.brought);
  const isOfUser = (entry: Entry) =>
    users.has(entry) ||
    (REMARKS.includes(entry.kind) && needsOf(entry).some((one) => users.has(one)));
  return { ...choice, tried: choice.tried.filter((entry) => !isOfUser(entry)), brought: [] };
}

/** The entries whose objects get other names, if they are chosen. */
function copiesIn<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  into: Into,
): ReadonlySet<Entry> {
  if ('schema' in into)
    return new Set(
      entries.filter(({ kind, schema, name }) =>
        kind === 'SCHEMA' ? name === into.from : kind !== 'EXTENSION' && schema === into.from,
      ),
    );
  const { needsOf, tableOf } = entryGraph(entries);
  const parents = partitionParents(entries, needsOf);
  const isFrom = ({ kind, schema, name }: Entry) =>
    RELATIONS.includes(kind) && isSame({ schema, name: name ?? '' }, into.from);
  const copies = new Set(entries.filter(isFrom));
  for (let before = -1; before !== copies.size; ) {
    before = copies.size;
    for (const [child, parent] of parents) if (copies.has(parent)) copies.add(child);
  }
  for (const entry of entries) {
    const table = tableOf(entry);
    if (table !== undefined && copies.has(table)) copies.add(entry);
  }
  return copies;
}

const isSame = (one: QualifiedName, other: QualifiedName) =>
  one.schema === other.schema && one.name === other.name;
