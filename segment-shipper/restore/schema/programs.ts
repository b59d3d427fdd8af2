import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { ObjectRef } from '../../../backup-set/documents/receipt.ts';
import type { Order } from '../../../backup-set/documents/restore/restore.ts';
import { type ArchiveHeader, readArchiveHeader } from '../../../database/objects/toc.ts';
import { openMaintenanceSession } from '../../../database/session/maintenance.ts';
import { openSession } from '../../../database/session/session.ts';
import { withRestoreProgram } from '../../../database/tools/fitting/restore-program.ts';
import type { ShipperDeps } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { fileBytes } from '../../read/opens.ts';
import { ARCHIVE_KEPT_BYTES_MAX } from '../../read/remembered-metadata.ts';
import { labelOf } from '../locks.ts';

interface Restored {
  readonly file: 'schema.dump' | 'large-objects.dump';
  readonly stored: ObjectRef;
  readonly connects: boolean;
}

/**
 * The job with the folder of the pg_restore that fits the order and its server, before the order
 * changes anything. @throws StowageError `database/tool` when this host has none.
 */
export async function withPrograms(
  order: Order,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<RestoreJob> {
  const restored = archiveOf(order);
  if (restored === undefined || job.target.greenplum !== undefined) return job;
  const archive = await headerOf(restored, deps);
  if (archive === undefined) return job;
  const serverVersion = await versionOf(order, job, deps);
  const { file, connects } = restored;
  const work = { archive, file, serverVersion, connects };
  return { ...job, target: await withRestoreProgram(job.target, work, deps.signal) };
}

/** The role may have no right to connect to another database than the target's. */
async function versionOf(
  order: Order,
  { target }: RestoreJob,
  { signal }: ShipperDeps,
): Promise<string> {
  const isNew = order.phase === 'pre-data' && order.mode === 'create';
  const session = await (isNew ? openMaintenanceSession : openSession)(target, {
    purpose: 'restore',
    applicationName: labelOf(order),
    signal,
  });
  try {
    const [row] = await session.query<{ version: string }>(
      "SELECT split_part(current_setting('server_version'), ' ', 1) AS version",
    );
    return row?.version ?? '';
  } finally {
    await session.close();
  }
}

/** What pg_restore restores in this order. */
function archiveOf(order: Order): Restored | undefined {
  const isData = order.phase === 'data';
  if (!isData && order.phase !== 'pre-data' && order.phase !== 'post-data') return undefined;
  if (isData)
    return (
      order.largeObjects && {
        file: 'large-objects.dump',
        stored: order.largeObjects,
        connects: true,
      }
    );
  if (order.schema === undefined) return undefined;
  return { file: 'schema.dump', stored: order.schema, connects: order.into === undefined };
}

/** Undefined: the archive is damaged, which the order will find by its checksum. */
async function headerOf(
  { file, stored: { key, bytes } }: Restored,
  deps: ShipperDeps,
): Promise<ArchiveHeader | undefined> {
  // Read to its end it is remembered, and not read again.
  const isKept = file === 'schema.dump' && bytes <= ARCHIVE_KEPT_BYTES_MAX;
  const source = fileBytes(deps.store, key, deps);
  const front = isKept ? wholeOf(source) : source;
  return readArchiveHeader(front, key).catch((error: unknown) => {
    if (isStowageError(error, 'set/unreadable', 'set/damaged')) return undefined;
    throw error;
  });
}

async function* wholeOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const copies: Buffer[] = [];
  // The store may use the memory of a chunk again.
  for await (const chunk of source) copies.push(Buffer.from(chunk));
  yield Buffer.concat(copies);
}
