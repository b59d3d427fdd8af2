import type { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import { sourcesOf } from '../../../backup-set/restore/mapped/map.ts';
import { fileOf } from '../../../backup-set/restore/order-bodies.ts';
import { bringsLargeObjects } from '../../../backup-set/restore/plan.ts';
import { globalStatements } from '../../../database/globals/statements.ts';
import { type EntryNeeds, needsOf } from '../../../database/needs/entry.ts';
import { type ArchiveNeeds, addNeeds, noNeeds } from '../../../database/needs/needs.ts';
import { type ArchiveObject, archiveObject } from '../../../database/objects/expected.ts';
import type { ArchiveHeader, TocEntry } from '../../../database/objects/toc.ts';
import { readText } from '../../../segment-shipper/read/read-text.ts';
import { requirePart } from '../mapped/parts.ts';
import { checkedEntries, frontEntries } from '../objects/archive.ts';
import { plannedObjects } from '../objects/chosen.ts';
import { orderOf } from '../objects/compare.ts';
import type { TargetCheck } from './target-check.ts';

/** What one content of the set needs from its server, and what the restore itself brings. */
export interface SetNeeds extends ArchiveNeeds {
  /** With --globals: roles and tablespaces that the restore creates first. */
  readonly created: {
    readonly roles: ReadonlySet<string>;
    readonly tablespaces: ReadonlySet<string>;
  };
  /** The archives that pg_restore will read. */
  readonly archives: readonly ReadArchive[];
}

export interface ReadArchive {
  readonly file: 'schema.dump' | 'large-objects.dump';
  readonly header: ArchiveHeader;
}

/** A restore with `truncate` runs no DDL, and needs nothing. */
export async function setNeeds(check: TargetCheck, content: number): Promise<SetNeeds> {
  const { context, store, request, manifest } = check;
  const all = noNeeds();
  const created = { roles: new Set<string>(), tablespaces: new Set<string>() };
  const archives: ReadArchive[] = [];
  const [first, ...others] = sourcesOf(request, content);
  const isInSet = manifest.contents.some((candidate) => candidate.content === first);
  const isNeeded = request.mode !== 'truncate' || bringsLargeObjects(request);
  if (!isNeeded || !isInSet || first === undefined) return { ...all, created, archives };
  const part = await requirePart(check, first);
  if (request.mode !== 'truncate') await addSchema(check, part, all, archives);
  await addLargeObjects(check, part, all, archives);
  for (const other of others)
    await addLargeObjects(check, await requirePart(check, other), all, archives);
  const globals = request.globals ? fileOf(part, 'globals.sql.zst') : undefined;
  if (globals !== undefined) {
    const text = await readText(store, globals, context);
    for (const { effect, named } of globalStatements(text, globals.key)) {
      if (effect.kind !== 'makes') continue;
      if (effect.object === 'ROLE') created.roles.add(named(effect.name));
      if (effect.object === 'TABLESPACE') created.tablespaces.add(named(effect.name));
    }
  }
  return { ...all, created, archives };
}

/** Only the entries that this restore makes count. */
async function addSchema(
  { context, store, request, manifest }: TargetCheck,
  part: ManifestPart,
  all: ArchiveNeeds,
  archives: ReadArchive[],
): Promise<void> {
  const archive = fileOf(part, 'schema.dump');
  if (archive === undefined) return;
  const add = ({ section: own }: Pick<TocEntry, 'section'>, entry: EntryNeeds) => {
    const section = own === 'post-data' ? 'post-data' : 'pre-data';
    if (request.sections?.includes(section) !== false)
      addNeeds(all, entry, section === 'post-data');
  };
  const order = orderOf({ request, manifest }, part);
  const needs = new Map<ArchiveObject, EntryNeeds>();
  const onHeader = (header: ArchiveHeader) => archives.push({ file: 'schema.dump', header });
  for await (const entry of checkedEntries(store, archive, context, onHeader)) {
    if (isOfDatabase(entry)) {
      // Only --create gives a database the owner and the rights of the set.
      if (request.mode === 'create') add(entry, needsOf(entry));
    } else if (order?.only === undefined) add(entry, needsOf(entry));
    else needs.set(archiveObject(entry), needsOf(entry));
  }
  if (order?.only === undefined) return;
  for (const object of plannedObjects([...needs.keys()], order)) {
    const entry = needs.get(object);
    if (entry !== undefined) add(object, entry);
  }
}

function isOfDatabase({ kind, name = '' }: Pick<TocEntry, 'kind' | 'name'>): boolean {
  return kind.startsWith('DATABASE') || (kind === 'ACL' && name.startsWith('DATABASE '));
}

async function addLargeObjects(
  { context, store, request }: TargetCheck,
  part: ManifestPart,
  all: ArchiveNeeds,
  archives: ReadArchive[],
): Promise<void> {
  const archive = fileOf(part, 'large-objects.dump');
  const isLoaded = bringsLargeObjects(request) && request.sections?.includes('data') !== false;
  if (archive === undefined || !isLoaded) return;
  const onHeader = (header: ArchiveHeader) => archives.push({ file: 'large-objects.dump', header });
  for await (const entry of frontEntries(store, archive, context, onHeader)) {
    // With `truncate` nothing is checked but the archive: rights were never looked at.
    if (request.mode === 'truncate') return;
    const { owner, grantees } = needsOf(entry);
    if (owner !== '') all.owners.add(owner);
    for (const role of grantees) all.grantees.add(role);
  }
}
