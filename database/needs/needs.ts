import type { EntryNeeds } from './entry.ts';

/** What all entries that a restore makes need together. */
export interface ArchiveNeeds {
  readonly owners: Set<string>;
  readonly grantees: Set<string>;
  readonly members: Set<string>;
  readonly extensions: Set<string>;
  readonly languages: Set<string>;
  readonly tablespaces: Set<string>;
  readonly accessMethods: Set<string>;
  /** Access methods that the entries create. */
  readonly brought: Set<string>;
  /** Locks that one transaction with these entries holds at its end. */
  locks: { preData: number; postData: number };
}

export function noNeeds(): ArchiveNeeds {
  return {
    owners: new Set(),
    grantees: new Set(),
    members: new Set(),
    extensions: new Set(),
    languages: new Set(),
    tablespaces: new Set(),
    accessMethods: new Set(),
    brought: new Set(),
    locks: { preData: 0, postData: 0 },
  };
}

/** Adds an entry. */
export function addNeeds(all: ArchiveNeeds, entry: EntryNeeds, isPostData: boolean): void {
  const add = (set: Set<string>, name: string | undefined) => {
    if (name !== undefined && name !== '') set.add(name);
  };
  add(all.owners, entry.owner);
  for (const role of entry.grantees) all.grantees.add(role);
  for (const role of entry.members) all.members.add(role);
  add(all.extensions, entry.extension);
  add(all.languages, entry.language);
  add(all.tablespaces, entry.tablespace);
  add(all.accessMethods, entry.accessMethod);
  add(all.brought, entry.brings);
  all.locks[isPostData ? 'postData' : 'preData'] += entry.locks;
}
