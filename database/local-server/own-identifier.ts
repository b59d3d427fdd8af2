import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** In pg_control and in the long header of the first page of each WAL file: 8 bytes, native. */
const CONTROL_OFFSET = 0;
const WAL_OFFSET = 24;
const CRC_BYTES = 4;
/** The struct in pg_control is smaller; the rest of the file is zero. */
const CONTROL_BYTES_MAX = 512;
/** Reversed, as PostgreSQL computes it. */
const CRC32C = 0x82f63b78;

/**
 * Gives copied data a system identifier of its own, as initdb would have. Two servers with one
 * identifier count as one server and its copy. The server must not run.
 */
export async function giveOwnIdentifier(data: string, identifier: bigint): Promise<void> {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(identifier);
  const control = await readFile(join(data, 'global', 'pg_control'));
  const end = crcOffsetOf(control);
  bytes.copy(control, CONTROL_OFFSET);
  control.writeUInt32LE(crc32c(control.subarray(0, end)), end);
  await overwrite(join(data, 'global', 'pg_control'), control, 0);
  for (const name of await readdir(join(data, 'pg_wal')))
    if (/^[0-9A-F]{24}$/.test(name)) await overwrite(join(data, 'pg_wal', name), bytes, WAL_OFFSET);
}

/** The checksum is the last field of the struct, whose size differs between versions. */
function crcOffsetOf(control: Buffer): number {
  for (let at = CRC_BYTES; at < CONTROL_BYTES_MAX; at += CRC_BYTES)
    if (crc32c(control.subarray(0, at)) === control.readUInt32LE(at)) return at;
  throw new Error('pg_control has no valid checksum');
}

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? CRC32C : 0);
  }
  return ~crc >>> 0;
}

async function overwrite(path: string, bytes: Uint8Array, position: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(bytes, 0, bytes.length, position);
  } finally {
    await file.close();
  }
}
