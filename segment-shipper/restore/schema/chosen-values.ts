import {
  type QualifiedName,
  type Selection,
  selector,
} from '../../../backup-set/base/selection.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import { usedSequences } from '../../../database/catalog/used-sequences.ts';
import { quoteQualified } from '../../../database/session/quote.ts';
import { setChosenSequences } from '../../../database/target/chosen-sequences.ts';
import { mergedSequences } from '../../../database/target/merged/sequences.ts';
import { existingViews, refreshViews } from '../../../database/target/refresh.ts';
import type { ShipperDeps } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { inSession } from '../in-session.ts';
import type { ChosenSchema } from './chosen.ts';
import { staleViews } from './left-out.ts';
import { showCurrent } from './progress/object-progress.ts';
import { storedSequences } from './stored-sequences.ts';

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
    const values = await mergedSequences(session, await storedSequences(order, deps));
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
  const isSelected = selection === undefined ? () => false : selector(selection);
  const views = order.refresh.filter((view) => isSelected(view) || made.has(quoteQualified(view)));
  if (views.length === 0) return [];
  let absent: QualifiedName[] = [];
  let stale: readonly Problem[] = [];
  await inSession(order, job, deps, async (session) => {
    const existing = await existingViews(session, views);
    const names = new Set(existing.map(quoteQualified));
    absent = views.filter((view) => !names.has(quoteQualified(view)));
    const left = await refreshViews(session, existing, ({ schema, name }) =>
      showCurrent(deps.progress, `REFRESH ${schema}.${name}`),
    );
    stale = staleViews(left, order.content).problems;
  });
  // With other modes, the choice has made them or says why not.
  if (mode !== 'truncate') return [...stale];
  return [...stale, ...absent.map((view) => lacking('MATERIALIZED VIEW', view, job.content))];
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
