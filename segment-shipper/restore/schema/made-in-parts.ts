import { createReadStream } from 'node:fs';
import type { OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import {
  LOCKS_AT_ONCE,
  type LockingEntry,
  lockingEntry,
  partsByLocks,
} from '../../../database/needs/lock-parts.ts';
import { inSection, useList } from '../../../database/objects/choice/lists.ts';
import { readToc, type TocEntry } from '../../../database/objects/toc.ts';
import {
  NO_REJECTIONS,
  type Rejections,
} from '../../../database/tools/rejections/rejected-entries.ts';
import { type RestoreSchemaOptions, restoreSchema } from '../../../database/tools/restore.ts';
import type { ObjectsMade } from '../../../database/tools/restore-lines.ts';
import { type ShipperDeps, silenceNote } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { labelOf } from '../locks.ts';
import { makesInParts } from '../unfinished.ts';
import { listedIds, objectProgress } from './progress/object-progress.ts';

/**
 * Makes the entries of pre-data, all or those in a list. In a new database each transaction takes a
 * bounded number of locks, so a set of any size fits into the lock table of the server.
 */
export async function makeEntries(
  order: OrderOf<'pre-data'>,
  job: RestoreJob,
  file: string,
  list: string | undefined,
  deps: ShipperDeps,
): Promise<Rejections> {
  const onObject = await objectProgress(file, { section: 'pre-data', list }, deps.progress);
  const options: RestoreSchemaOptions = {
    noOwner: order.noOwner,
    noAcl: order.noAcl === true,
    onError: order.onError ?? 'stop',
    signal: deps.signal,
    onSilence: silenceNote(deps),
    label: labelOf(order),
  };
  const parts = makesInParts(order) ? await partsOf(file, list) : [];
  if (parts.length < 2) {
    const listed = list === undefined ? {} : { list };
    return restoreSchema(job.target, file, {
      ...options,
      ...listed,
      section: 'pre-data',
      onObject,
    });
  }
  let before = 0;
  for (const part of parts) {
    let made = before;
    const counted = (now: ObjectsMade) => {
      made = before + now.done;
      onObject({ ...now, done: made });
    };
    // Without a section: pg_restore counts rights that stand alone in a list to another one.
    await restoreSchema(job.target, file, { ...options, list: useList(part), onObject: counted });
    before = made + 1;
  }
  return NO_REJECTIONS;
}

async function partsOf(file: string, list: string | undefined): Promise<LockingEntry[][]> {
  const entries: (LockingEntry & Pick<TocEntry, 'section'>)[] = [];
  for await (const entry of readToc(createReadStream(file), file))
    entries.push({ ...lockingEntry(entry), section: entry.section });
  const listed = list === undefined ? undefined : listedIds(list);
  const made = inSection(entries, 'pre-data').filter(({ id }) => listed?.has(id) !== false);
  return partsByLocks(made, LOCKS_AT_ONCE);
}
