import { StowageError } from '../../../backup-set/base/errors.ts';
import { joinProblems, NO_PROBLEMS, type ProblemList } from '../../../backup-set/base/problems.ts';
import type { QualifiedName } from '../../../backup-set/base/selection.ts';
import { boundedProblems } from '../../../backup-set/base/verdict.ts';
import type { ObjectRef } from '../../../backup-set/documents/receipt.ts';
import type { OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import { tableSizes } from '../../../database/catalog/table-sizes.ts';
import { quoteQualified } from '../../../database/session/quote.ts';
import type { Session } from '../../../database/session/session.ts';
import { mergedSequences } from '../../../database/target/merged/sequences.ts';
import { existingViews, refreshViews } from '../../../database/target/refresh.ts';
import { setSequences } from '../../../database/target/sequence-values.ts';
import { restoreSchema } from '../../../database/tools/restore.ts';
import { type ShipperDeps, silenceNote } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { inSession } from '../in-session.ts';
import { keyConflict, splitConflicts } from '../key-conflict.ts';
import { labelOf } from '../locks.ts';
import type { OrderResult } from '../order-result.ts';
import { withArchive } from './archive.ts';
import { type ChosenSchema, chosenList, chosenSchema, restoreTried, unmade } from './chosen.ts';
import { restoreChosenSequences, restoreChosenViews } from './chosen-values.ts';
import { missingEntries } from './entries.ts';
import { rejectedObjects, staleViews } from './left-out.ts';
import { objectProgress, showCurrent } from './progress/object-progress.ts';
import type { Sizes } from './progress/object-weights.ts';
import { restoreProperties } from './properties.ts';
import { postDataRenamed } from './renamed.ts';
import { storedSequences } from './stored-sequences.ts';

/**
 * Restores what needs the rows: indexes, constraints, triggers, values of sequences, views. The
 * rows are loaded, so one object that the server rejects does not keep it from making the others.
 * @returns what was not made or refreshed, and as problems the keys that rows of several contents
 * have.
 */
export async function postData(
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<Pick<OrderResult, 'leftOut' | 'problems'>> {
  try {
    return splitConflicts(await makeAll(order, job, deps));
  } catch (error) {
    const conflict = keyConflict(error, order, undefined);
    if (conflict === undefined) throw error;
    return { problems: [conflict] };
  }
}

async function makeAll(
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<ProblemList> {
  const { schema, sequences, refresh, into } = order;
  if (into !== undefined) {
    const made = await postDataRenamed({ ...order, into }, job, deps);
    const lacking = boundedProblems(await restoreProperties(order, job, deps));
    return joinProblems(made, lacking);
  }
  let chosen: ChosenSchema | undefined;
  const rejected =
    schema === undefined
      ? NO_PROBLEMS
      : await restorePostData(order, schema, job, deps, (made) => {
          chosen = made;
        });
  if (order.only !== undefined) {
    const absent = await restoreChosenSequences(order, chosen, job, deps);
    const views = await restoreChosenViews(order, chosen, job, deps);
    const properties = await restoreProperties(order, job, deps);
    return [rejected, ...[absent, views, properties].map(boundedProblems)].reduce(joinProblems);
  }
  if (sequences !== undefined) await restoreSequences(order, job, deps);
  const stale = refresh.length === 0 ? NO_PROBLEMS : await refreshAll(order, job, deps);
  const properties = boundedProblems(await restoreProperties(order, job, deps));
  return [rejected, stale, properties].reduce(joinProblems);
}

async function refreshAll(
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<ProblemList> {
  let stale = NO_PROBLEMS;
  await inSession(order, job, deps, async (session) => {
    const views = await viewsToRefresh(session, order);
    const left = await refreshViews(session, views, ({ schema, name }) =>
      showCurrent(deps.progress, `REFRESH ${schema}.${name}`),
    );
    stale = staleViews(left, order.content);
  });
  return stale;
}

/** A resume keeps the views that the first restore has refreshed in a database of its own. */
async function viewsToRefresh(
  session: Session,
  { refresh, resumes, mode, onError, content }: OrderOf<'post-data'>,
): Promise<readonly QualifiedName[]> {
  const existing = await existingViews(session, refresh);
  const names = new Set(existing.map(quoteQualified));
  const absent = refresh.find((view) => !names.has(quoteQualified(view)));
  if (absent !== undefined && onError !== 'continue')
    throw new StowageError(
      'database/failed',
      `materialized view ${absent.schema}.${absent.name} does not exist on content ${content}`,
      { where: { content } },
    );
  const keepsViews = resumes !== undefined && mode !== 'truncate';
  return keepsViews ? existing.filter(({ isPopulated }) => !isPopulated) : existing;
}

async function restorePostData(
  order: OrderOf<'post-data'>,
  schema: ObjectRef,
  job: RestoreJob,
  deps: ShipperDeps,
  onChosen: (chosen: ChosenSchema) => void,
): Promise<ProblemList> {
  const { noOwner, noAcl } = order;
  let rejected = NO_PROBLEMS;
  await withArchive(schema, deps, async (file) => {
    const chosen = await chosenSchema(order, job, file, deps);
    const list =
      chosen !== undefined
        ? chosenList(chosen, 'post-data')
        : order.resumes === undefined
          ? undefined
          : await missingEntries(order, job, file, deps);
    const part = { section: 'post-data', list } as const;
    const sizes = sizesIn(order, job, deps);
    const rejections = await restoreSchema(job.target, file, {
      section: 'post-data',
      jobs: job.workers,
      noOwner,
      noAcl: noAcl === true,
      onError: 'continue',
      signal: deps.signal,
      onSilence: silenceNote(deps),
      label: labelOf(order),
      onObject: await objectProgress(file, part, deps.progress, sizes),
      ...(list !== undefined && { list }),
    });
    rejected = await rejectedObjects(file, rejections, order);
    if (chosen === undefined) return;
    onChosen(chosen);
    const tried = await restoreTried(chosen, order, job, file, deps);
    rejected = [unmade(chosen, order), rejected, tried].reduce(joinProblems);
  });
  return rejected;
}

/** Sizes of loaded tables, which weigh the indexes. A failure costs only the estimate. */
function sizesIn(order: OrderOf<'post-data'>, job: RestoreJob, deps: ShipperDeps): Sizes {
  return async (tables) => {
    let sizes: ReadonlyMap<string, number> = new Map();
    try {
      await inSession(order, job, deps, async (session) => {
        sizes = await tableSizes(session, tables);
      });
    } catch (err) {
      deps.signal.throwIfAborted();
      deps.log.warn({ err }, 'sizes of tables not read: the time left is that of equal objects');
    }
    return sizes;
  };
}

async function restoreSequences(
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  const lists = await storedSequences(order, deps);
  await inSession(order, job, deps, async (session) =>
    setSequences(session, await mergedSequences(session, lists)),
  );
}
