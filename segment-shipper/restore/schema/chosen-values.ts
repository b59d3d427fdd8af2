import { asStowageError } from '../../../backup-set/base/errors.ts';
import { type QualifiedName, type Selection, selects } from '../../../backup-set/base/selection.ts';
import { causedBy, type Problem } from '../../../backup-set/base/verdict.ts';
import type { OrderOf } from '../../../backup-set/documents/restore.ts';
import { usedSequences } from '../../../database/catalog/used-sequences.ts';
import { quoteQualified } from '../../../database/session/quote.ts';
import type { Session } from '../../../database/session/session.ts';
import { setChosenSequences } from '../../../database/target/chosen-sequences.ts';
import { existingRelations, refreshViews } from '../../../database/target/refresh.ts';
import { parseSequenceValues } from '../../../database/target/sequence-values.ts';
import type { ShipperDeps } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { readText } from '../../read/read-text.ts';
import { inSession } from '../in-session.ts';
import type { ChosenSchema } from './chosen.ts';
import { showCurrent } from './object-progress.ts';

/** Sets the sequences that belong to chosen objects. @returns those that the target lacks. */
export async function restoreChosenSequences(
  order: OrderOf<'post-data'>,
  chosen: ChosenSchema | undefined,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<Problem[]> {
  const { only = [], selection, mode, sequences } = order;
  if (sequences === undefined) return [];
  let absent: readonly QualifiedName[] = [];
  await inSession(order, job, deps, async (session) => {
    const made = namesOf(chosen, 'SEQUENCE');
    const used = await usedSequences(session, only);
    // Most restores of one table read no values.
    if (used.length + made.length === 0 && namesTablesOnly(selection)) return;
    const text = await readText(deps.store, sequences, deps);
    const values = parseSequenceValues(text.toString('utf8'), sequences.key);
    absent = await setChosenSequences(session, values, { used, selection, made });
  });
  // With other modes, the choice has made them or says why not.
  return mode === 'truncate' ? absent.map((name) => lacking('SEQUENCE', name, job.content)) : [];
}

/** True if no pattern can match a sequence that no table uses. */
function namesTablesOnly(selection: Selection | undefined): boolean {
  if (selection === undefined) return true;
  const { includeSchemas, includeTables } = selection;
  return (
    includeSchemas.length === 0 &&
    includeTables.length > 0 &&
    includeTables.every((pattern) => !pattern.includes('*'))
  );
}

/** Refreshes the views that are chosen or were made. @returns those that were not refreshed. */
export async function restoreChosenViews(
  order: OrderOf<'post-data'>,
  chosen: ChosenSchema | undefined,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<Problem[]> {
  const { selection, mode } = order;
  const made = new Set(namesOf(chosen, 'MATERIALIZED VIEW').map(quoteQualified));
  const isSelected = (view: QualifiedName) => selection !== undefined && selects(selection, view);
  const views = order.refresh.filter((view) => isSelected(view) || made.has(quoteQualified(view)));
  const leftOut: Problem[] = [];
  if (views.length === 0) return leftOut;
  await inSession(order, job, deps, async (session) => {
    const existing = new Set((await existingRelations(session, views)).map(quoteQualified));
    for (const view of views) {
      showCurrent(deps.progress, `REFRESH ${view.schema}.${view.name}`);
      if (existing.has(quoteQualified(view)))
        leftOut.push(...(await refreshed(session, view, isSelected(view), job.content)));
      // With other modes, the choice has made it or says why not.
      else if (mode === 'truncate') leftOut.push(lacking('MATERIALIZED VIEW', view, job.content));
    }
  });
  showCurrent(deps.progress, undefined);
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
