import { crc32 } from 'node:zlib';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { ObjectRef } from '../../backup-set/documents/receipt.ts';
import type { OrderOf } from '../../backup-set/documents/restore.ts';
import { ownedSequences } from '../../database/catalog/owned-sequences.ts';
import { runGlobals } from '../../database/globals/run-globals.ts';
import { globalStatements } from '../../database/globals/statements.ts';
import { quoteQualified } from '../../database/session/quote.ts';
import type { Session } from '../../database/session/session.ts';
import { createDatabase, openDatabase } from '../../database/target/database.ts';
import { extensionSchemas } from '../../database/target/facts.ts';
import { refreshViews } from '../../database/target/refresh.ts';
import {
  HAS_ROWS,
  NOT_OWNER,
  reasonNotToLoad,
  relationStates,
  truncateRelations,
} from '../../database/target/relations.ts';
import { parseSequenceValues, setSequences } from '../../database/target/sequence-values.ts';
import { setMark, setReached } from '../../database/target/unfinished/mark.ts';
import {
  restoredObjects,
  withoutRestored,
} from '../../database/target/unfinished/restored-objects.ts';
import { listArchive, restoreSchema } from '../../database/tools/restore.ts';
import { selectSchemaEntries, withoutSchemas } from '../../database/tools/schema-entries.ts';
import { withUnnamedFile } from '../../database/tools/unnamed-file.ts';
import { type ShipperDeps, silenceNote } from '../deps.ts';
import type { RestoreJob } from '../protocol/control.ts';
import { requireCrc } from '../read/damage.ts';
import { readText } from '../read/read-text.ts';
import { inSession } from './in-session.ts';
import { labelOf } from './locks.ts';
import { lookForBegun, markToSet, newMark, unmarkIfNothing } from './unfinished.ts';

/** Prepares the target for rows. Checks everything first, so a refusal changes nothing. */
export async function preData(
  order: OrderOf<'pre-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  const globals = order.globals && (await readGlobals(order.globals, deps));
  const begun = await lookForBegun(order, job, deps);
  if (begun === 'prepared') return;
  if (begun === 'nothing' && order.mode === 'create')
    await createDatabase(job.target, order, deps.signal);
  if (begun !== 'begun') await begin(order, job, deps);
  if (order.mode === 'create') await inSession(order, job, deps, openDatabase);
  if (globals !== undefined)
    await inSession(order, job, deps, (session) => runGlobals(session, globals()));
  if (order.mode === 'truncate')
    return inSession(order, job, deps, async (session) =>
      truncateRelations(session, order.relations, await markToSet(session, order)),
    );
  await restorePreData(order, job, deps).catch(async (error: unknown) => {
    if (order.mode === 'fill') await unmarkIfNothing(order, job, deps).catch(() => undefined);
    throw error;
  });
  await inSession(order, job, deps, (session) =>
    setReached(session, newMark(order, 'begun'), 'pre-data'),
  );
}

/** Looks at the target and, except with `truncate`, marks it. */
async function begin(
  order: OrderOf<'pre-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  await inSession(order, job, deps, async (session) => {
    if (order.mode !== 'create') await requireState(session, order);
    const mark = order.mode === 'truncate' ? undefined : await markToSet(session, order);
    if (mark !== undefined) await setMark(session, mark);
  });
}

async function restorePreData(
  order: OrderOf<'pre-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  const { signal } = deps;
  const { schema, noOwner } = order;
  if (schema === undefined) return;
  await withArchive(schema, deps, async (file) => {
    const list =
      (await chosenEntries(order, job, file, deps)) ??
      (order.mode === 'fill' ? await newEntries(order, job, file, deps) : undefined);
    await restoreSchema(job.target, file, {
      section: 'pre-data',
      noOwner,
      signal,
      onSilence: silenceNote(deps),
      label: labelOf(order),
      ...(list !== undefined && { list }),
    });
  });
}

/** Restores what needs the rows: indexes, constraints, triggers, values of sequences, views. */
export async function postData(
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  const { target, workers: jobs } = job;
  const { signal } = deps;
  const { schema, noOwner } = order;
  if (schema !== undefined) {
    await withArchive(schema, deps, async (file) => {
      const chosen = await chosenEntries(order, job, file, deps);
      const list =
        order.resumes === undefined ? chosen : await missingEntries(chosen, order, job, file, deps);
      await restoreSchema(target, file, {
        section: 'post-data',
        jobs,
        noOwner,
        signal,
        onSilence: silenceNote(deps),
        label: labelOf(order),
        ...(list !== undefined && { list }),
      });
    });
  }
  if (order.sequences !== undefined) await restoreSequences(order, order.sequences, job, deps);
  if (order.refresh.length > 0)
    await inSession(order, job, deps, (session) => refreshViews(session, order.refresh));
}

/** Runs `work` on a temporary copy of a pg_dump archive, because pg_restore seeks in it. */
export async function withArchive(
  stored: ObjectRef,
  deps: ShipperDeps,
  work: (file: string) => Promise<void>,
): Promise<void> {
  await withUnnamedFile(async ({ handle, path }) => {
    let crc = 0;
    for await (const chunk of deps.store.get(stored.key, { signal: deps.signal })) {
      crc = crc32(chunk, crc);
      await handle.writeFile(chunk);
    }
    requireCrc(crc, stored.crc32, stored.key, 0);
    await work(path);
  });
}

async function chosenEntries(
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
async function newEntries(
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
async function missingEntries(
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

/** @throws StowageError `restore/refused` before anything was changed. */
async function requireState(
  session: Session,
  { mode, relations, content }: OrderOf<'pre-data'>,
): Promise<void> {
  const states = await relationStates(session, relations);
  const wrong = states.flatMap((state) => {
    const reason = reasonNotToLoad(state, mode);
    return reason === undefined ? [] : [{ state, reason }];
  });
  const [first] = wrong;
  if (first === undefined) return;
  const name = `${first.state.schema}.${first.state.name}`;
  const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : '';
  const what = {
    absent: `does not exist on content ${content}: --truncate loads existing tables only. Create the table, or restore without --truncate`,
    exists: `already exists on content ${content}. Drop it, or use --truncate to empty and load it`,
    'has-rows': `on content ${content} ${HAS_ROWS}. Delete these rows, or use --truncate`,
    'not-owner': `on content ${content} ${NOT_OWNER}`,
  }[first.reason];
  throw new StowageError('restore/refused', `table ${name}${more} ${what}`, {
    where: { content, relation: name },
  });
}

/** Reads all statements once, so that a refusal changes nothing. */
async function readGlobals(stored: ObjectRef, deps: ShipperDeps) {
  const text = await readText(deps.store, stored, deps);
  const statements = () => globalStatements(text, stored.key);
  for (const _ of statements());
  return statements;
}

/** Sets the sequences of the set; for selected tables, only the sequences that they own. */
async function restoreSequences(
  order: OrderOf<'post-data'>,
  stored: ObjectRef,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  const text = await readText(deps.store, stored, deps);
  const values = parseSequenceValues(text.toString('utf8'), stored.key);
  await inSession(order, job, deps, async (session) => {
    const { only } = order;
    if (only === undefined) return setSequences(session, values);
    const owned = new Set((await ownedSequences(session, only)).map(quoteQualified));
    return setSequences(
      session,
      values.filter((value) => owned.has(quoteQualified(value))),
    );
  });
}
