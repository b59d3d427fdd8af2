import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { bytes } from '../output/format.ts';

/** An empty server with a segment of its log. */
const SERVER_BYTES = 60_000_000;
/** Rows in a table take more than as COPY text, and their indexes and the log come on top. */
const ROOM_PER_BYTE = 1.5;

/**
 * A drill that fills the disk of its host disturbs every other program there.
 * @throws StowageError `restore/refused` when the temporary folder has no room for the rows.
 */
export async function requireRoom(rowBytes: number, servers: number): Promise<void> {
  const folder = tmpdir();
  const { bavail, bsize } = await statfs(folder);
  const problem = roomProblem({ rowBytes, servers, freeBytes: bavail * bsize, folder });
  if (problem !== undefined) throw new StowageError('restore/refused', problem);
}

export interface Room {
  readonly rowBytes: number;
  readonly servers: number;
  readonly freeBytes: number;
  readonly folder: string;
}

/** Why the rows do not fit; undefined when they may. Pure. */
export function roomProblem({ rowBytes, servers, freeBytes, folder }: Room): string | undefined {
  const needed = rowBytes * ROOM_PER_BYTE + servers * SERVER_BYTES;
  if (freeBytes >= needed) return undefined;
  return `${folder} has ${bytes(freeBytes)} free, and the rows of the drill (${bytes(rowBytes)}) on ${plural(servers, 'server')} need about ${bytes(needed)}: set TMPDIR to a folder with more room, choose fewer tables (--sample, --tables), or use --into`;
}
