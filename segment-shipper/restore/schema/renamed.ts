import type { OrderOf } from '../../../backup-set/documents/restore.ts';
import type { Into } from '../../../backup-set/documents/restore-names.ts';
import { namesInArchive } from '../../../database/rename/archive.ts';
import type { MadeNames } from '../../../database/rename/made-names.ts';
import { runRenamed } from '../../../database/rename/run.ts';
import { readMark, setReached } from '../../../database/target/unfinished/mark.ts';
import { schemaText } from '../../../database/tools/restore.ts';
import type { ShipperDeps } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { inSession } from '../in-session.ts';

interface Archive {
  readonly file: string;
  /** Of pg_restore's --use-list. */
  readonly list: string | undefined;
}

type RenamedOrder = OrderOf<'pre-data' | 'post-data'> & { readonly into: Into };

/**
 * Restores one section of an archive under other names: all of it or nothing, over one session.
 * The same transaction writes into the mark that it was done, so that a resume makes nothing twice.
 */
export async function restoreRenamed(
  order: RenamedOrder,
  job: RestoreJob,
  { file, list }: Archive,
  deps: ShipperDeps,
): Promise<MadeNames> {
  const { phase: section, noOwner, mode, into } = order;
  const { signal } = deps;
  const names = await namesInArchive(file, list, into);
  const text = await schemaText(job.target, file, {
    section,
    noOwner,
    signal,
    ...(list !== undefined && { list }),
  });
  await inSession(order, job, deps, async (session) => {
    const mark = await readMark(session);
    if (section === 'post-data' && mark?.reached === 'post-data') return;
    await session.query('BEGIN');
    const isFirst = section === 'pre-data';
    await runRenamed(session, text, names, { isFirst, isNewDatabase: mode === 'create' });
    if (mark !== undefined) await setReached(session, mark, section);
    await session.query('COMMIT');
  });
  return names;
}
