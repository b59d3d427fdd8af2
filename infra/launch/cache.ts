import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** V8's compiled code of a program, and the parts of the program that had run when it was taken. */
export interface Compiled {
  readonly code: Buffer;
  readonly parts: readonly string[];
}

export interface Environment {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absent where the system has no users: there nothing is kept. */
  readonly uid: number | undefined;
}

/** Code of older versions is forgotten after this long. */
const OLD_MS = 30 * 86_400_000;
const PARTS_BYTES_MAX = 4096;

/**
 * The folder where this user's compiled code is kept: $STOWAGE_CACHE, else ~/.cache/stowage; undefined where none is safe or `STOWAGE_CACHE` is
 * empty. Who can write there can make us run anything, so each folder on the way must be this user's, and writable by nobody else.
 */
export function cacheFolder({ env, uid }: Environment): string | undefined {
  const named = env['STOWAGE_CACHE'];
  const home = env['HOME'] ?? '';
  if (uid === undefined || named === '') return undefined;
  if (named === undefined && !home.startsWith('/')) return undefined;
  const chain =
    named === undefined ? [home, join(home, '.cache'), join(home, '.cache/stowage')] : [named];
  return chain.every((folder) => isPrivate(folder, uid)) ? chain.at(-1) : undefined;
}

/** A folder that is not there yet is made ours by whoever makes it: us. */
function isPrivate(folder: string, uid: number): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return (
    found === undefined || (found.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0)
  );
}

/** What was kept; undefined when nothing was, or it cannot be read. */
export function readCompiled(file: string): Compiled | undefined {
  try {
    const bytes = readFileSync(file);
    const partsBytes = bytes.readUInt32LE(bytes.length - 4);
    if (partsBytes > PARTS_BYTES_MAX) return undefined;
    const end = bytes.length - 4 - partsBytes;
    const parts = bytes.toString('latin1', end, bytes.length - 4).split(',');
    return { code: bytes.subarray(0, end), parts };
  } catch {
    return undefined;
  }
}

/** Keeps it for the next start, whole or not at all; another process may do the same at the same time. */
export function keepCompiled(
  folder: string,
  name: string,
  { code, parts }: Compiled,
  now: number,
): void {
  const names = Buffer.from(parts.join(','), 'latin1');
  if (names.length > PARTS_BYTES_MAX) return;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(names.length);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unfinished = join(folder, `${name}.${process.pid}`);
  try {
    writeFileSync(unfinished, Buffer.concat([code, names, length]), { mode: 0o600 });
    renameSync(unfinished, join(folder, name));
  } catch (error) {
    removeFile(unfinished);
    throw error;
  }
  for (const other of readdirSync(folder)) {
    const path = join(folder, other);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined && now - found.mtimeMs > OLD_MS) removeFile(path);
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody else was faster.
  }
}
