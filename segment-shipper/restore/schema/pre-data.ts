import { StowageError } from '../../../backup-set/base/errors.ts';
import { joinProblems, NO_PROBLEMS, type ProblemList } from '../../../backup-set/base/problems.ts';
import type { OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import { restores } from '../../../backup-set/restore/sections.ts';
import { globalsTarget } from '../../../database/globals/place.ts';
import { withMaintenanceSession } from '../../../database/session/maintenance.ts';
import type { Session } from '../../../database/session/session.ts';
import { createDatabase, openDatabase } from '../../../database/target/database.ts';
import {
  HAS_ROWS,
  NOT_CREATED,
  NOT_EMPTY,
  NOT_OWNER,
  reasonNotToLoad,
  relationStates,
  truncateRelations,
} from '../../../database/target/relations.ts';
import { setMark, setReached } from '../../../database/target/unfinished/mark.ts';
import type { ShipperDeps } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { inSession } from '../in-session.ts';
import type { OrderResult } from '../order-result.ts';
import { lookForBegun, makesInParts, markToSet, newMark, unmarkIfNothing } from '../unfinished.ts';
import { withArchive } from './archive.ts';
import { chosenList, chosenSchema, unmade } from './chosen.ts';
import { absentEntries, newEntries } from './entries.ts';
import { type Globals, readGlobals } from './globals.ts';
import { rejectedObjects } from './left-out.ts';
import { makeEntries } from './made-in-parts.ts';
import { wantedTablespace } from './properties.ts';
import { preDataRenamed } from './renamed.ts';

/**
 * Prepares the target for rows. Checks everything first, so a refusal changes nothing.
 * @returns what was not made; only with `onError: continue`.
 */
export async function preData(
  order: OrderOf<'pre-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<Pick<OrderResult, 'rolesKept' | 'leftOut'>> {
  const globals = await readGlobals(order.globals, order, deps);
  const begun = await lookForBegun(order, job, deps);
  if (begun === 'prepared') {
    if (order.onError === 'continue')
      return { leftOut: await restorePreData(order, job, deps, true) };
    return { leftOut: await listUnmade(order, job, deps) };
  }
  if (begun === 'nothing' && order.mode === 'create') await makeDatabase(order, job, globals, deps);
  if (begun !== 'begun') await begin(order, job, deps);
  if (order.mode === 'create') await inSession(order, job, deps, openDatabase);
  if (globals !== undefined) await inGlobalsSession(order, job, deps, globals.restore);
  const done = { rolesKept: globals?.rolesKept() ?? [] };
  if (order.mode === 'truncate') {
    await inSession(order, job, deps, async (session) =>
      truncateRelations(session, order.relations, await markToSet(session, order)),
    );
    return done;
  }
  const isMadeInSteps = order.onError === 'continue' || makesInParts(order);
  const isBegun = begun === 'begun' && isMadeInSteps;
  const leftOut = await restorePreData(order, job, deps, isBegun).catch(async (error: unknown) => {
    if (order.mode === 'fill') await unmarkIfNothing(order, job, deps).catch(() => undefined);
    throw error;
  });
  await inSession(order, job, deps, (session) =>
    setReached(session, newMark(order, 'begun'), 'pre-data'),
  );
  return { ...done, leftOut };
}

/** The globals come first where they may have the tablespace of the database. */
async function makeDatabase(
  order: OrderOf<'pre-data'>,
  job: RestoreJob,
  globals: Globals | undefined,
  deps: ShipperDeps,
): Promise<void> {
  const tablespace = await wantedTablespace(order, deps);
  if (tablespace !== undefined && globals !== undefined)
    await withMaintenanceSession(job.target, deps.signal, globals.restore);
  await createDatabase(job.target, { ...order, tablespace }, deps.signal);
}

async function inGlobalsSession(
  order: OrderOf<'pre-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const target = await globalsTarget(job.target, order.encoding, deps.signal);
  await inSession(order, { ...job, target }, deps, work);
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

/** @param isBegun an earlier restore has made some of the objects: the others are made. */
async function restorePreData(
  order: OrderOf<'pre-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
  isBegun: boolean,
): Promise<ProblemList> {
  const { schema, into } = order;
  if (schema === undefined) return NO_PROBLEMS;
  let rejected = NO_PROBLEMS;
  await withArchive(schema, deps, async (file) => {
    if (into !== undefined) return preDataRenamed({ ...order, into }, job, file, deps);
    const chosen = await chosenSchema(order, job, file, deps);
    const entries =
      chosen !== undefined
        ? chosenList(chosen, 'pre-data')
        : order.mode === 'fill'
          ? await newEntries(order, job, file, deps)
          : undefined;
    const list = isBegun ? await absentEntries(entries, order, job, file, deps) : entries;
    const rejections = await makeEntries(order, job, file, list, deps);
    rejected = await rejectedObjects(file, rejections);
    if (chosen !== undefined && isLastToMake(order))
      rejected = joinProblems(unmade(chosen, order), rejected);
  });
  return rejected;
}

/** Post-data, where it is restored, lists what the choice leaves out of both. */
function isLastToMake(order: OrderOf<'pre-data'>): boolean {
  return !restores(order, 'post-data');
}

/** What an earlier attempt, which has made the objects, has left out. */
async function listUnmade(
  order: OrderOf<'pre-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<ProblemList> {
  const { schema } = order;
  let left = NO_PROBLEMS;
  if (schema === undefined || !isLastToMake(order)) return left;
  await withArchive(schema, deps, async (file) => {
    const chosen = await chosenSchema(order, job, file, deps);
    if (chosen !== undefined) left = unmade(chosen, order);
  });
  return left;
}

/** @throws StowageError `restore/refused` before anything was changed. */
async function requireState(
  session: Session,
  { mode, relations, content, existing, into }: OrderOf<'pre-data'>,
): Promise<void> {
  const states = await relationStates(session, relations);
  const wrong = states.flatMap((state) => {
    const reason = reasonNotToLoad(state, mode, existing);
    return reason === undefined ? [] : [{ state, reason }];
  });
  const [first] = wrong;
  if (first === undefined) return;
  const name = `${first.state.schema}.${first.state.name}`;
  const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : '';
  const what = {
    absent: `does not exist on content ${content}: --truncate loads existing tables only. Create the table, or restore without --truncate`,
    'not-created': `does not exist on content ${content}: ${NOT_CREATED}`,
    'not-empty': `on content ${content} ${NOT_EMPTY}`,
    exists: `already exists on content ${content}. Drop it, or ${into === undefined ? 'use --truncate to empty and load it' : 'choose another name'}`,
    'has-rows': `on content ${content} ${HAS_ROWS}. Delete these rows, or use --truncate`,
    'not-owner': `on content ${content} ${NOT_OWNER}`,
  }[first.reason];
  throw new StowageError('restore/refused', `table ${name}${more} ${what}`, {
    where: { content, relation: name },
  });
}
