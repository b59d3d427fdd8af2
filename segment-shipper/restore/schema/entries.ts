import { createReadStream } from 'node:fs';
import type { OrderOf } from '../../../backup-set/documents/restore.ts';
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
import { listArchive } from '../../../database/tools/restore.ts';
import { selectSchemaEntries, withoutSchemas } from '../../../database/tools/schema-entries.ts';
import type { ShipperDeps } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { inSession } from '../in-session.ts';

export async function chosenEntries(
  { only, mode }: Pick<OrderOf<'post-data'>, 'only' | 'mode'>,
  { target }: RestoreJob,
  file: string,
  { signal, log }: ShipperDeps,
): Promise<string | undefined> {
  if (only === undefined) return undefined;
  // A new database lacks what the tables need (types, schemas); an existing one must have it.
  const { list, leftOut } = selectSchemaEntries(await listArchive(target, file, signal), only, {
    withNeeds: mode === 'create',
  });
  if (leftOut.length > 0)
    log.warn({ leftOut }, 'skipped schema objects that need a table that was not selected');
  return list;
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
  return withoutSchemas(await listArchive(job.target, file, deps.signal), schemas);
}

/** The entries, of all or of the chosen ones, whose objects the earlier restore has not made. */
export async function missingEntries(
  chosen: string | undefined,
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  file: string,
  deps: ShipperDeps,
): Promise<string> {
  let restored: ReadonlySet<string> = new Set();
  await inSession(order, job, deps, async (session) => {
    restored = await restoredObjects(session);
  });
  return withoutRestored(chosen ?? (await listArchive(job.target, file, deps.signal)), restored);
}

/** The entries, of all or of the chosen ones, whose objects the target does not have. */
export async function absentEntries(
  chosen: string | undefined,
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
  const listing = chosen ?? (await listArchive(job.target, file, deps.signal));
  return listing
    .split('\n')
    .filter((line) => absent.has(/^(\d+);/.exec(line)?.[1] ?? ''))
    .join('\n');
}
