import { crc32 } from 'node:zlib';
import type { ObjectRef } from '../../../backup-set/documents/receipt.ts';
import { withUnnamedFile } from '../../../database/tools/unnamed-file.ts';
import type { ShipperDeps } from '../../deps.ts';
import { requireCrc } from '../../read/damage.ts';
import { fileBytes } from '../../read/opens.ts';

/** Runs `work` on a temporary copy of a pg_dump archive, because pg_restore seeks in it. */
export async function withArchive(
  stored: ObjectRef,
  deps: Pick<ShipperDeps, 'store' | 'signal' | 'keys'>,
  work: (file: string) => Promise<void>,
): Promise<void> {
  await withUnnamedFile(async ({ handle, path }) => {
    let crc = 0;
    const onStored = (chunk: Uint8Array) => {
      crc = crc32(chunk, crc);
    };
    for await (const chunk of fileBytes(deps.store, stored.key, { ...deps, onStored }))
      await handle.writeFile(chunk);
    requireCrc(crc, stored.crc32, stored.key, 0);
    await work(path);
  });
}
