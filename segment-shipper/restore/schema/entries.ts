import { createReadStream } from 'node:fs';
import type { OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import { type ArchiveEntry, archiveEntry } from '../../../database/objects/choice/entries.ts';
import { useList } from '../../../database/objects/choice/lists.ts';
import { missingObjects } from '../../../database/objects/compare.ts';
import {
  archiveObject,
  type ExpectedObject,
  expectedOf,
} from '../../../database/objects/expected.ts';
import { readToc } from '../../../database/objects/toc.ts';
import { extensionSchemas } from '../../../database/target/facts.ts';
import {
  restoredObjects,
  withoutRestored,
} from '../../../database/target/unfinished/restored-objects.ts';
import type { ShipperDeps } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { inSession } from '../in-session.ts';

/** The entries of the archive in this file. */
export async function entriesOf(file: string, key: string): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [];
  for await (const entry of readToc(createReadStream(file), key)) entries.push(archiveEntry(entry));
  return entries;
}

/**
 * pg_dump says CREATE EXTENSION IF NOT EXISTS, but it also creates the schema of an extension. An
 * extension that is installed already has its schema.
 */
export async function newEntries(
  order: OrderOf<'pre-data'>,
  job: RestoreJob,
  file: string,
  deps: ShipperDeps,
): Promise<string | undefined> {
  let schemas: string[] = [];
  await inSession(order, job, deps, async (session) => {
    schemas = await extensionSchemas(session);
  });
  if (schemas.length === 0) return undefined;
  const entries = await entriesOf(file, order.schema?.key ?? file);
  return useList(
    entries.filter(({ kind, name = '' }) => kind !== 'SCHEMA' || !schemas.includes(name)),
  );
}

/** The entries of post-data whose objects the earlier restore has not made. */
export async function missingEntries(
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  file: string,
  deps: ShipperDeps,
): Promise<string> {
  let restored: ReadonlySet<string> = new Set();
  await inSession(order, job, deps, async (session) => {
    restored = await restoredObjects(session);
  });
  return useList(withoutRestored(await entriesOf(file, order.schema?.key ?? file), restored));
}

/** Of all entries, or of those in a list, those whose objects the target does not have. */
export async function absentEntries(
  list: string | undefined,
  order: OrderOf<'pre-data'>,
  job: RestoreJob,
  file: string,
  deps: ShipperDeps,
): Promise<string> {
  const absent = new Set<string>();
  const ids = new Map<ExpectedObject, number>();
  for await (const entry of readToc(createReadStream(file), 'schema.dump')) {
    // The first object is that of the entry; the others are parts of its definition.
    const [object] = expectedOf(archiveObject(entry)) ?? [];
    if (object === undefined) absent.add(String(entry.id));
    else ids.set(object, entry.id);
  }
  await inSession(order, job, deps, async (session) => {
    for await (const object of missingObjects(session, ids.keys()))
      absent.add(String(ids.get(object)));
  });
  const listing = list ?? useList(await entriesOf(file, order.schema?.key ?? file));
  return listing
    .split('\n')
    .filter((line) => absent.has(/^(\d+);/.exec(line)?.[1] ?? ''))
    .join('\n');
}
