import { fullTag, lastName } from '../full-tag.ts';
import type { TocEntry } from '../toc.ts';
import { extensionsOfExclusion } from './exclusion.ts';
import { PARTS, RELATIONS, TAGGED_WITH_TABLE } from './kinds.ts';

/** An entry without its SQL text, and with its full name. */
export interface ArchiveEntry
  extends Omit<TocEntry, 'definition' | 'owner' | 'tablespace' | 'accessMethod'> {
  /** Extensions that it needs, and that `dependsOn` does not name. */
  readonly extensions?: readonly string[];
}

const IN_SCHEMA = / WITH SCHEMA (.*);\s*$/s;

/** Names an entry fully: the table of a constraint, and the schema of an extension's objects. */
export function archiveEntry({ definition, ...entry }: TocEntry): ArchiveEntry {
  const { kind, name } = entry;
  const extensions = extensionsOfExclusion(kind, definition);
  const within = kind === 'EXTENSION' ? IN_SCHEMA.exec(definition())?.[1] : undefined;
  return {
    ...entry,
    schema: within === undefined ? entry.schema : (lastName(within) ?? entry.schema),
    name: name === undefined ? undefined : fullTag(kind, name, definition),
    ...(extensions.length > 0 && { extensions }),
  };
}

/** How people read an entry: `FK CONSTRAINT a.t t_fkey`. */
export function describeEntry({ kind, schema, name = '' }: ArchiveEntry): string {
  return `${kind} ${schema === '' || kind === 'EXTENSION' ? '' : `${schema}.`}${name}`;
}

/** What the dependencies of entries say. */
export interface EntryGraph<Entry extends ArchiveEntry> {
  /** The entries that this one names as its dependencies, each once. */
  needsOf(entry: Entry): readonly Entry[];
  /** The entries that depend on this one. */
  usersOf(entry: Entry): readonly Entry[];
  /** The relation of a part; of a sequence, the one whose column owns it. */
  tableOf(entry: Entry): Entry | undefined;
}

export function entryGraph<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
): EntryGraph<Entry> {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const extensionIds = new Map(
    entries.flatMap(({ id, kind, name }) => (kind === 'EXTENSION' ? [[name, id] as const] : [])),
  );
  const idsOf = ({ dependsOn, extensions = [] }: Entry) =>
    new Set([...dependsOn, ...extensions.flatMap((name) => extensionIds.get(name) ?? [])]);
  const users = new Map<number, Entry[]>();
  for (const entry of entries)
    for (const id of idsOf(entry)) {
      const list = users.get(id);
      if (list === undefined) users.set(id, [entry]);
      else list.push(entry);
    }
  const needsOf = (entry: Entry) => [...idsOf(entry)].flatMap((id) => byId.get(id) ?? []);
  const relationsOf = (entry: Entry) =>
    needsOf(entry).filter(({ kind }) => RELATIONS.includes(kind));
  const tableOf = (entry: Entry): Entry | undefined => {
    const { kind, schema, name = '' } = entry;
    if (!PARTS.includes(kind)) return undefined;
    if (kind === 'SEQUENCE OWNED BY') {
      const sequence = needsOf(entry).find((needed) => needed.kind === 'SEQUENCE');
      return sequence && tableOf(sequence);
    }
    const relations = relationsOf(entry);
    if (kind === 'TABLE ATTACH')
      return relations.find((table) => table.name === name && table.schema === schema);
    if (!TAGGED_WITH_TABLE.includes(kind)) return relations[0];
    // Of the tables `a` and `a b`, the tag `a b c` names the second.
    return relations
      .filter((table) => table.schema === schema && name.startsWith(`${table.name} `))
      .sort((one, other) => (other.name ?? '').length - (one.name ?? '').length)[0];
  };
  return { needsOf, usersOf: (entry) => users.get(entry.id) ?? [], tableOf };
}
