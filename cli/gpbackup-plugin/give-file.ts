import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { StowageError } from '../../backup-set/base/errors.ts';
import { sealedBytes } from '../../frame/seal/seal.ts';

/** Writes a stored file to its path on this host: a file that is there is whole. */
export async function giveFile(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temp = `${path}.stowage-${process.pid}`;
  try {
    await pipeline(Readable.from(bytes), createWriteStream(temp), { signal });
    await rename(temp, path);
  } finally {
    await rm(temp, { force: true });
  }
}

/** The ranges of `restore_data_subset`: `n start end start end …`, end exclusive. */
export async function readOffsets(path: string): Promise<{ offset: number; length: number }[]> {
  const numbers = (await readFile(path, 'utf8')).trim().split(/\s+/).map(Number);
  const [ranges = 0, ...bounds] = numbers;
  if (!numbers.every(Number.isSafeInteger) || bounds.length !== 2 * ranges)
    throw new StowageError('usage/flag', `${path} has no list of offsets: n start end …`);
  return Array.from({ length: ranges }, (_, at) => {
    const [start = 0, end = 0] = bounds.slice(2 * at, 2 * at + 2);
    return { offset: start, length: end - start };
  });
}

/**
 * Whether a path has the file already, as far as its size tells. gpbackup leaves the files of its
 * coordinator there, and an increment asks for them: it needs no identity then.
 */
export async function isThere(path: string, stored: number | undefined): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true && sealedBytes(found.size) === stored;
}
