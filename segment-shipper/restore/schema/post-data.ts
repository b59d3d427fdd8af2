import type { ObjectRef } from '../../../backup-set/documents/receipt.ts';
import type { OrderOf } from '../../../backup-set/documents/restore.ts';
import { ownedSequences } from '../../../database/catalog/owned-sequences.ts';
import { quoteQualified } from '../../../database/session/quote.ts';
import { refreshViews } from '../../../database/target/refresh.ts';
import { parseSequenceValues, setSequences } from '../../../database/target/sequence-values.ts';
import { restoreSchema } from '../../../database/tools/restore.ts';
import { type ShipperDeps, silenceNote } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { readText } from '../../read/read-text.ts';
import { inSession } from '../in-session.ts';
import { labelOf } from '../locks.ts';
import type { OrderResult } from '../order-result.ts';
import { withArchive } from './archive.ts';
import { chosenEntries, missingEntries } from './entries.ts';
import { objectProgress, showCurrent } from './object-progress.ts';
import { restoreProperties } from './properties.ts';

/** Restores what needs the rows: indexes, constraints, triggers, values of sequences, views. */
export async function postData(
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<Pick<OrderResult, 'leftOut'>> {
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
        onObject: await objectProgress(file, { section: 'post-data', list }, deps.progress),
        ...(list !== undefined && { list }),
      });
    });
  }
  if (order.sequences !== undefined) await restoreSequences(order, order.sequences, job, deps);
  if (order.refresh.length > 0)
    await inSession(order, job, deps, (session) =>
      refreshViews(session, order.refresh, ({ schema, name }) =>
        showCurrent(deps.progress, `REFRESH ${schema}.${name}`),
      ),
    );
  showCurrent(deps.progress, undefined);
  return { leftOut: await restoreProperties(order, job, deps) };
}

/** Sets the sequences of the set; for selected tables, only the sequences that they own. */
async function restoreSequences(
  order: OrderOf<'post-data'>,
  stored: ObjectRef,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  await inSession(order, job, deps, async (session) => {
    const { only } = order;
    const owned = only && new Set((await ownedSequences(session, only)).map(quoteQualified));
    if (owned?.size === 0) return;
    const text = await readText(deps.store, stored, deps);
    const values = parseSequenceValues(text.toString('utf8'), stored.key);
    await setSequences(
      session,
      owned === undefined ? values : values.filter((value) => owned.has(quoteQualified(value))),
    );
  });
}
