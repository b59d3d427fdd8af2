import type { ObjectRef } from '../../../backup-set/documents/receipt.ts';
import type { OrderOf } from '../../../backup-set/documents/restore.ts';
import { ownedSequences } from '../../../database/catalog/owned-sequences.ts';
import type { MadeNames } from '../../../database/rename/made-names.ts';
import { quoteQualified } from '../../../database/session/quote.ts';
import { refreshViews } from '../../../database/target/refresh.ts';
import { parseSequenceValues, setSequences } from '../../../database/target/sequence-values.ts';
import { restoreSchema } from '../../../database/tools/restore.ts';
import { type ShipperDeps, silenceNote } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { readText } from '../../read/read-text.ts';
import { inSession } from '../in-session.ts';
import { labelOf } from '../locks.ts';
import { withArchive } from './archive.ts';
import { chosenEntries, missingEntries } from './entries.ts';
import { restoreRenamed } from './renamed.ts';

/** Restores what needs the rows: indexes, constraints, triggers, values of sequences, views. */
export async function postData(
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  const { target, workers: jobs } = job;
  const { signal } = deps;
  const { schema, noOwner, into } = order;
  let names: MadeNames | undefined;
  if (schema !== undefined) {
    await withArchive(schema, deps, async (file) => {
      const chosen = await chosenEntries(order, job, file, deps);
      if (into !== undefined) {
        names = await restoreRenamed({ ...order, into }, job, { file, list: chosen }, deps);
        return;
      }
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
  if (order.sequences !== undefined)
    await restoreSequences(order, order.sequences, job, { ...deps, names });
  if (order.refresh.length > 0)
    await inSession(order, job, deps, (session) => refreshViews(session, order.refresh));
}

interface SequenceDeps extends ShipperDeps {
  /** The names that the restore has made, when they are not those of the set. */
  readonly names: MadeNames | undefined;
}

/** Sets the sequences of the set; for selected tables, only the sequences that they own. */
async function restoreSequences(
  order: OrderOf<'post-data'>,
  stored: ObjectRef,
  job: RestoreJob,
  { names, ...deps }: SequenceDeps,
): Promise<void> {
  const text = await readText(deps.store, stored, deps);
  const values = parseSequenceValues(text.toString('utf8'), stored.key);
  if (names !== undefined) {
    const made = values.flatMap((value) => {
      const name = names.newName(value.schema, value.name);
      return name === undefined ? [] : [{ ...value, ...name }];
    });
    return inSession(order, job, deps, (session) => setSequences(session, made));
  }
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
