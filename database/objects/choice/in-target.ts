import type { Session } from '../../session/session.ts';
import { type Presence, presentObjects } from '../compare.ts';
import { type ExpectedObject, mainObjectOf } from '../expected.ts';
import { chooseEntries } from './choose.ts';
import type { ArchiveEntry } from './entries.ts';
import { entryGraph } from './entries.ts';
import { REMARKS } from './kinds.ts';
import { ownEntries, type Wanted } from './wanted.ts';

/** What a target has of the objects of an archive. */
export interface InTarget<Entry> {
  /** It exists, and existed before the restore. */
  existed(entry: Entry): boolean;
  exists(entry: Entry): boolean;
}

/** A database that the restore creates. */
export const EMPTY_TARGET: InTarget<ArchiveEntry> = {
  existed: () => false,
  exists: () => false,
};

/**
 * Looks in the catalogs for every object that the choice can ask for.
 * @param mark the schema with which a restore marks its target: what is older was there before.
 */
export async function lookInTarget<Entry extends ArchiveEntry>(
  session: Session,
  entries: readonly Entry[],
  wanted: Wanted,
  mark: string,
): Promise<InTarget<Entry>> {
  const asked: { entry: Entry; object: ExpectedObject }[] = [];
  for (const entry of reachable(entries, wanted)) {
    const object = REMARKS.includes(entry.kind) ? undefined : mainObjectOf(entry);
    if (object !== undefined) asked.push({ entry, object });
  }
  const found = await presentObjects(
    session,
    asked.map(({ object }) => object),
    mark,
  );
  const presence = new Map<Entry, Presence>();
  for (const [at, { entry }] of asked.entries()) {
    const known = found.get(at);
    if (known !== undefined) presence.set(entry, known);
  }
  const { made, tried } = chooseEntries(entries, wanted, () => false);
  const mayBeMade = new Set([...made, ...tried]);
  // The oids of this server have begun again: a table that no restore of these makes looks new.
  const isWrapped = asked.some(
    ({ entry }) =>
      entry.kind === 'TABLE' && presence.get(entry)?.isOlder === false && !mayBeMade.has(entry),
  );
  return {
    existed(entry) {
      const known = presence.get(entry);
      return known !== undefined && (known.isOlder || (isWrapped && !mayBeMade.has(entry)));
    },
    exists: (entry) => presence.has(entry),
  };
}

/** What is chosen, what depends on it, and what all of these need. */
function reachable<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  wanted: Wanted,
): ReadonlySet<Entry> {
  const graph = entryGraph(entries);
  const own = ownEntries(entries, graph, wanted);
  const users = closure(own, graph.usersOf);
  // Parts of the tables that are needed can be made, too.
  const needed = closure(users, graph.needsOf);
  const parts = [...needed].flatMap((entry) =>
    graph.usersOf(entry).filter((user) => graph.tableOf(user) === entry),
  );
  return closure(new Set([...needed, ...parts]), graph.needsOf);
}

function closure<Entry>(
  from: ReadonlySet<Entry>,
  next: (entry: Entry) => readonly Entry[],
): Set<Entry> {
  const found = new Set(from);
  for (const entry of found) for (const other of next(entry)) found.add(other);
  return found;
}
