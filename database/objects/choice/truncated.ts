import type { QualifiedName } from '../../../backup-set/base/selection.ts';
import type { ArchiveObject } from '../expected.ts';
import { type EntryGraph, entryGraph } from './entries.ts';
import { PARTS, PUBLISHED, RELATIONS, TAGGED_WITH_TABLE } from './kinds.ts';

/**
 * The objects that must exist after a restore with `--truncate`, which runs no DDL: the loaded
 * tables and their parts, also keys to other tables. Rights and comments stay as they are.
 * @param only the chosen tables; then a key to a table that is not chosen need not exist.
 */
export function tablesWithParts(
  objects: readonly ArchiveObject[],
  loaded: readonly QualifiedName[],
  only?: readonly QualifiedName[],
): ArchiveObject[] {
  const graph = entryGraph(objects);
  const wanted = new Set((only ?? loaded).map(nameOf));
  const isOwn = (object: ArchiveObject) => object.kind === 'TABLE' && wanted.has(nameOf(object));
  const own = new Set(objects.filter(isOwn));
  for (let before = -1; before !== own.size; ) {
    before = own.size;
    for (const object of objects)
      if (!own.has(object) && isPart(object, own, graph, only !== undefined)) own.add(object);
  }
  return objects.filter((object) => own.has(object));
}

function isPart(
  object: ArchiveObject,
  own: ReadonlySet<ArchiveObject>,
  { needsOf, tableOf }: EntryGraph<ArchiveObject>,
  needsAll: boolean,
): boolean {
  const { kind } = object;
  if (!PARTS.includes(kind) || PUBLISHED.includes(kind) || object.name === undefined) return false;
  const binding = needsOf(object).filter(
    (other) => RELATIONS.includes(other.kind) || PARTS.includes(other.kind),
  );
  if (needsAll || !TAGGED_WITH_TABLE.includes(kind))
    return binding.length > 0 && binding.every((other) => own.has(other));
  const table = tableOf(object);
  return table !== undefined && own.has(table);
}

const nameOf = ({ schema, name }: Pick<ArchiveObject, 'schema' | 'name'>) =>
  JSON.stringify([schema, name]);
