import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import type { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import type { ConnectionTarget } from '../../../database/flavour.ts';
import { hex } from '../../../frame/hex.ts';
import { BINARY_END, BINARY_HEADER } from '../../../frame/rows/binary.ts';

/** The rows of a table as a frame of COPY BINARY, read by psql. */
export async function binaryFrame(
  { host, port, user, database, binDir = '' }: ConnectionTarget,
  table: string,
): Promise<Buffer> {
  const copy = `COPY ${table} TO STDOUT (FORMAT binary)`;
  const args = ['-h', host, '-p', String(port), '-U', user, '-d', database, '-c', copy];
  const { stdout } = await promisify(execFile)(join(binDir, 'psql'), args, { encoding: 'buffer' });
  const rows = stdout.subarray(BINARY_HEADER.length, -BINARY_END.length);
  return zstdCompressSync(rows, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
}

/** Replaces a pack by this frame with all rows of a relation. For `withForged`. */
export function forgeBinary(
  { packs }: ManifestPart,
  id: number | undefined,
  frame: Buffer,
): readonly [key: string, bytes: Uint8Array] {
  const pack = packs.find(({ extents }) => extents.some(({ relation }) => relation === id));
  const extent = pack?.extents.find(({ relation }) => relation === id);
  if (pack === undefined || extent === undefined) throw new Error(`no pack has relation ${id}`);
  Object.assign(extent, { offset: 0, length: frame.length, rowFormat: 'binary' });
  Object.assign(pack, { bytes: frame.length, crc32: hex(crc32(frame)), extents: [extent] });
  return [pack.key, frame];
}
