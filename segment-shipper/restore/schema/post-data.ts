import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { ObjectRef } from '../../../backup-set/documents/receipt.ts';
import type { OrderOf } from '../../../backup-set/documents/restore.ts';
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
import { type ChosenSchema, chosenList, chosenSchema, restoreTried, unmade } from './chosen.ts';
import { restoreChosenSequences, restoreChosenViews } from './chosen-values.ts';
import { missingEntries } from './entries.ts';
import { objectProgress, showCurrent } from './object-progress.ts';
import { restoreProperties } from './properties.ts';
import { postDataRenamed } from './renamed.ts';

/** Restores what needs the rows: indexes, constraints, triggers, values of sequences, views. */
export async function postData(
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<Pick<OrderResult, 'leftOut'>> {
  const { target, workers: jobs } = job;
  const { signal } = deps;
  const { schema, noOwner, into } = order;
  if (into !== undefined) return { leftOut: await postDataRenamed({ ...order, into }, job, deps) };
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
        onObject: await objectProgress(file, { section: 'post-data', list }, deps.progress),
        ...(list !== undefined && { list }),
      });
      if (chosen === undefined) return;
      leftOut.push(...unmade(chosen, job.content));
      leftOut.push(...(await restoreTried(chosen, order, job, file, deps)));
    });
  }
  if (order.only !== undefined) {
    leftOut.push(...(await restoreChosenSequences(order, chosen, job, deps)));
    leftOut.push(...(await restoreChosenViews(order, chosen, job, deps)));
    return { leftOut: [...leftOut, ...(await restoreProperties(order, job, deps))] };
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

async function restoreSequences(
  order: OrderOf<'post-data'>,
  stored: ObjectRef,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  const text = await readText(deps.store, stored, deps);
  const values = parseSequenceValues(text.toString('utf8'), stored.key);
  await inSession(order, job, deps, (session) => setSequences(session, values));
}
