import { StowageError } from '../../../backup-set/base/errors.ts';
import { describeProblem } from '../../../backup-set/base/verdict.ts';
import type { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import { fileOf } from '../../../backup-set/restore/order-bodies.ts';
import { isWhole } from '../../../backup-set/restore/plan.ts';
import { globalStatements } from '../../../database/globals/statements.ts';
import { type EntryNeeds, needsOf } from '../../../database/needs/entry.ts';
import { type ArchiveNeeds, addNeeds, noNeeds } from '../../../database/needs/needs.ts';
import { type ArchiveObject, archiveObject } from '../../../database/objects/expected.ts';
import { readPart } from '../../../functions/stored/read-part.ts';
import { readText } from '../../../segment-shipper/read/read-text.ts';
import { functionDeps } from '../../wait-for-functions.ts';
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
}

/** A restore with `truncate` runs no DDL, and needs nothing. */
export async function setNeeds(check: TargetCheck, content: number): Promise<SetNeeds> {
  const { context, store, request, manifest } = check;
  const all = noNeeds();
  const created = { roles: new Set<string>(), tablespaces: new Set<string>() };
  const isInSet = manifest.contents.some((candidate) => candidate.content === content);
  if (request.mode === 'truncate' || !isInSet) return { ...all, created };
  const part = await readPart(functionDeps(context, store), manifest, content);
  if (!part.ok)
    throw new StowageError('set/damaged', describeProblem(part.failure), {
      where: { set: manifest.timestamp, content },
    });
  await addSchema(check, part.value, all);
  await addLargeObjects(check, part.value, all);
  const globals = request.globals ? fileOf(part.value, 'globals.sql.zst') : undefined;
  if (globals !== undefined) {
    const text = await readText(store, globals, context);
    for (const { bytes } of globalStatements(text, globals.key))
      addCreated(bytes.toString('utf8'), created);
  }
  return { ...all, created };
}

/** Only the entries that this restore makes count. */
async function addSchema(
  { context, store, request, manifest }: TargetCheck,
  part: ManifestPart,
  all: ArchiveNeeds,
): Promise<void> {
  const archive = fileOf(part, 'schema.dump');
  if (archive === undefined) return;
  const needs = new Map<ArchiveObject, EntryNeeds>();
  for await (const entry of checkedEntries(store, archive, context.signal))
    needs.set(archiveObject(entry), needsOf(entry));
  const order = orderOf({ request, manifest }, part);
  const chosen = plannedObjects([...needs.keys()], order);
  for (const object of chosen) {
    const entry = needs.get(object);
    const section = object.section === 'post-data' ? 'post-data' : 'pre-data';
    if (entry !== undefined && request.sections?.includes(section) !== false)
      addNeeds(all, entry, section === 'post-data');
  }
}

async function addLargeObjects(
  { context, store, request }: TargetCheck,
  part: ManifestPart,
  all: ArchiveNeeds,
): Promise<void> {
  const archive = fileOf(part, 'large-objects.dump');
  const isLoaded = isWhole(request) && request.sections?.includes('data') !== false;
  if (archive === undefined || !isLoaded) return;
  for await (const entry of frontEntries(store, archive, context.signal)) {
    const { owner, grantees } = needsOf(entry);
    if (owner !== '') all.owners.add(owner);
    for (const role of grantees) all.grantees.add(role);
  }
}

const CREATES = /^CREATE (ROLE|TABLESPACE) ("(?:[^"]|"")*"|\w+)/;

function addCreated(
  statement: string,
  created: { readonly roles: Set<string>; readonly tablespaces: Set<string> },
): void {
  const [, kind, word = ''] = CREATES.exec(statement) ?? [];
  const name = word.startsWith('"') ? word.slice(1, -1).replaceAll('""', '"') : word;
  if (kind === 'ROLE') created.roles.add(name);
  if (kind === 'TABLESPACE') created.tablespaces.add(name);
}
