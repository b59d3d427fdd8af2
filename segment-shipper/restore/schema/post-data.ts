import { asStowageError } from '../../../backup-set/base/errors.ts';
import { type QualifiedName, selects } from '../../../backup-set/base/selection.ts';
import { causedBy, type Problem } from '../../../backup-set/base/verdict.ts';
import type { ObjectRef } from '../../../backup-set/documents/receipt.ts';
import type { OrderOf } from '../../../backup-set/documents/restore.ts';
import { quoteQualified } from '../../../database/session/quote.ts';
import type { Session } from '../../../database/session/session.ts';
import { setChosenSequences } from '../../../database/target/chosen-sequences.ts';
import { existingRelations, refreshViews } from '../../../database/target/refresh.ts';
import { parseSequenceValues, setSequences } from '../../../database/target/sequence-values.ts';
import { restoreSchema } from '../../../database/tools/restore.ts';
import { type ShipperDeps, silenceNote } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { readText } from '../../read/read-text.ts';
import { inSession } from '../in-session.ts';
import { labelOf } from '../locks.ts';
import { withArchive } from './archive.ts';
import { type ChosenSchema, chosenList, chosenSchema, restoreTried, unmade } from './chosen.ts';
import { missingEntries } from './entries.ts';
import { postDataRenamed } from './renamed.ts';

/**
 * Restores what needs the rows: indexes, constraints, triggers, values of sequences, views.
 * @returns the chosen objects that could not be restored.
 */
export async function postData(
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<Problem[]> {
  const { target, workers: jobs } = job;
  const { signal } = deps;
  const { schema, noOwner, into } = order;
  if (into !== undefined) return postDataRenamed({ ...order, into }, job, deps);
  const leftOut: Problem[] = [];
  let chosen: ChosenSchema | undefined;
  if (schema !== undefined) {
    await withArchive(schema, deps, async (file) => {
      chosen = await chosenSchema(order, job, file, deps);
      const list =
        chosen !== undefined
          ? chosenList(chosen, 'post-data')
          : order.resumes === undefined
            ? undefined
            : await missingEntries(order, job, file, deps);
      await restoreSchema(target, file, {
        section: 'post-data',
        jobs,
        noOwner,
        signal,
        onSilence: silenceNote(deps),
        label: labelOf(order),
        ...(list !== undefined && { list }),
      });
      if (chosen === undefined) return;
      leftOut.push(...unmade(chosen, job.content));
      leftOut.push(...(await restoreTried(chosen, order, job, file, deps)));
    });
  }
  if (order.sequences !== undefined)
    leftOut.push(...(await restoreSequences(order, order.sequences, chosen, job, deps)));
  if (order.refresh.length > 0) leftOut.push(...(await restoreViews(order, chosen, job, deps)));
  return leftOut;
}

/** Sets the sequences of the set; of chosen objects, only those that belong to them. */
async function restoreSequences(
  order: OrderOf<'post-data'>,
  stored: ObjectRef,
  chosen: ChosenSchema | undefined,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<Problem[]> {
  const text = await readText(deps.store, stored, deps);
  const values = parseSequenceValues(text.toString('utf8'), stored.key);
  const { only, selection, mode } = order;
  let absent: readonly QualifiedName[] = [];
  await inSession(order, job, deps, async (session) => {
    if (only === undefined) return setSequences(session, values);
    const made = namesOf(chosen, 'SEQUENCE');
    absent = await setChosenSequences(session, values, { only, selection, made });
  });
  // With other modes, the choice has made them or says why not.
  return mode === 'truncate' ? absent.map((name) => lacking('SEQUENCE', name, job.content)) : [];
}

/** Refreshes the views of the set; of chosen objects, those that are chosen or were made. */
async function restoreViews(
  order: OrderOf<'post-data'>,
  chosen: ChosenSchema | undefined,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<Problem[]> {
  const leftOut: Problem[] = [];
  await inSession(order, job, deps, async (session) => {
    if (order.only === undefined) return refreshViews(session, order.refresh);
    const { selection } = order;
    const made = new Set(namesOf(chosen, 'MATERIALIZED VIEW').map(quoteQualified));
    const isSelected = (view: QualifiedName) => selection !== undefined && selects(selection, view);
    const views = order.refresh.filter(
      (view) => isSelected(view) || made.has(quoteQualified(view)),
    );
    const existing = new Set((await existingRelations(session, views)).map(quoteQualified));
    for (const view of views) {
      if (existing.has(quoteQualified(view)))
        leftOut.push(...(await refreshed(session, view, isSelected(view), job.content)));
      // With other modes, the choice has made it or says why not.
      else if (order.mode === 'truncate')
        leftOut.push(lacking('MATERIALIZED VIEW', view, job.content));
    }
  });
  return leftOut;
}

/** A view that came back with a table must not make the restore of the table fail. */
async function refreshed(
  session: Session,
  view: QualifiedName,
  isSelected: boolean,
  content: number,
): Promise<Problem[]> {
  try {
    await refreshViews(session, [view]);
    return [];
  } catch (error) {
    const failure = asStowageError(error);
    if (isSelected || failure.code === 'interrupted') throw error;
    const caused = causedBy(failure);
    const message = `MATERIALIZED VIEW ${view.schema}.${view.name} was not refreshed: ${caused.message}`;
    return [{ code: 'view-not-refreshed', ...caused, message, content }];
  }
}

function lacking(kind: string, { schema, name }: QualifiedName, content: number): Problem {
  return {
    code: 'need-missing',
    message: `${kind} ${schema}.${name} was not restored: the target lacks it, and --truncate runs no DDL`,
    content,
    schemaObject: { kind, schema, name },
  };
}

function namesOf(chosen: ChosenSchema | undefined, kind: string): QualifiedName[] {
  if (chosen === undefined) return [];
  const { made, tried } = chosen.choice;
  return [...made, ...tried]
    .filter((entry) => entry.kind === kind)
    .map(({ schema, name = '' }) => ({ schema, name }));
}
