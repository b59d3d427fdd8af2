import { createReadStream } from 'node:fs';
import type { ObjectRef } from '../../backup-set/documents/receipt.ts';
import type { ConnectionTarget } from '../../database/flavour.ts';
import { readArchiveHeader } from '../../database/objects/toc.ts';
import { withRestoreProgram } from '../../database/tools/fitting/restore-program.ts';
import { printLargeObjects } from '../../database/tools/restore.ts';
import { withArchive } from '../../segment-shipper/restore/schema/archive.ts';
import type { OpenSet } from '../read-set/open-set.ts';
import type { DumpOptions } from './options.ts';

/** Writes the SQL that makes the large objects of an archive into a file. */
export async function largeObjectsSql(
  { store, keys }: OpenSet,
  stored: ObjectRef,
  place: ConnectionTarget,
  { noOwner, noAcl }: DumpOptions,
  output: string,
  signal: AbortSignal,
): Promise<void> {
  await withArchive(stored, { store, signal, keys }, async (file) => {
    const archive = await readArchiveHeader(createReadStream(file), stored.key);
    const work = { archive, file: 'large-objects.dump', serverVersion: archive.serverVersion };
    const target = await withRestoreProgram(place, { ...work, connects: false }, signal);
    await printLargeObjects(target, file, output, { noOwner, noAcl, signal });
  });
}
