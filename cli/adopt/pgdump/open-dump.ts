import type { Archive } from './archive/archive.ts';
import { customArchive } from './archive/custom.ts';
import { directoryArchive } from './archive/directory.ts';
import { archiveFacts } from './archive/facts.ts';
import { archiveParts, type OnUnsound, tablesExpected } from './archive/parts.ts';
import { isTar, tarArchive } from './archive/tar.ts';
import { bytesOf } from './bytes.ts';
import { compressionOf, decompressed } from './compressed/decompressed.ts';
import type { DatabaseDump, Dump } from './dump.ts';
import type { DumpInput } from './input.ts';
import { scriptDump } from './script/script-dump.ts';

const TAR_BLOCK_BYTES = 512;
const FRONT_BYTES = 4096;

/**
 * Recognizes a dump by its first bytes: an archive (custom, tar, directory) or a script, also
 * compressed as a whole.
 * @param onUnsound absent: what is not sound ends the reading.
 * @throws UnsoundScript
 */
export async function openDump(input: DumpInput, onUnsound?: OnUnsound): Promise<Dump> {
  if (input.files !== undefined) return ofArchive(await directoryArchive(input.files), onUnsound);
  const stored = bytesOf(input.open());
  const compression = await compressionOf(stored);
  const bytes = compression === 'none' ? stored : bytesOf(decompressed(stored.rest(), compression));
  const first = await bytes.peek(TAR_BLOCK_BYTES);
  if (first.toString('latin1', 0, 5) === 'PGDMP')
    return ofArchive(await customArchive(bytes), onUnsound);
  if (isTar(first)) return ofArchive(await tarArchive(bytes), onUnsound);
  const front = await bytes.peek(FRONT_BYTES);
  return scriptDump(bytes.rest(), front.toString('latin1'));
}

function ofArchive(archive: Archive, onUnsound: OnUnsound | undefined): Dump {
  const { toc } = archive;
  const only: DatabaseDump = {
    parts: () => archiveParts(archive, onUnsound),
    facts: () => archiveFacts(toc),
    expected: () => tablesExpected(toc),
  };
  return {
    tool: 'pg_dump',
    createdAt: toc.createdAt,
    globals: () => undefined,
    async *databases() {
      yield only;
    },
  };
}
