import type { OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import { readMark, setReached } from '../../../database/target/unfinished/mark.ts';
import { restoreLargeObjects } from '../../../database/tools/restore.ts';
import { type ShipperDeps, silenceNote } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { inSession } from '../in-session.ts';
import { labelOf } from '../locks.ts';
import { withArchive } from '../schema/archive.ts';

/**
 * Restores the large objects of an order, each archive in one transaction, and writes that into the
 * mark.
 * `truncate` replaces those that exist. A resume replaces them only in a database that the restore
 * has created: with `fill` they may have been there before.
 */
export async function loadLargeObjects(
  order: OrderOf<'data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  const { largeObjects, moreLargeObjects = [], resumes, mode, noOwner = false } = order;
  if (largeObjects === undefined) return;
  let isDone = false;
  if (resumes !== undefined)
    await inSession(order, job, deps, async (session) => {
      isDone = (await readMark(session))?.reached === 'large-objects';
    });
  if (isDone) return;
  const replace = mode === 'truncate' || (resumes !== undefined && mode === 'create');
  for (const archive of [largeObjects, ...moreLargeObjects])
    await withArchive(archive, deps, (file) =>
      restoreLargeObjects(job.target, file, {
        replace,
        noOwner,
        noAcl: order.noAcl === true,
        signal: deps.signal,
        onSilence: silenceNote(deps),
        label: labelOf(order),
      }),
    );
  await inSession(order, job, deps, async (session) => {
    const mark = await readMark(session);
    if (mark !== undefined) await setReached(session, mark, 'large-objects');
  });
}
