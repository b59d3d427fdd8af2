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

/** V8's compiled code of a program, and the parts of the program whose code it has. */
export interface Compiled {
  readonly code: Buffer;
  readonly parts: readonly string[];
}

export interface Environment {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Undefined where the system has no users: there nothing is kept. */
  readonly uid: number | undefined;
}

/** Code of older versions is deleted after this time. */
const OLD_MS = 30 * 86_400_000;
const PARTS_BYTES_MAX = 4096;

/**
 * The folder of this user's compiled code: $STOWAGE_CACHE, else ~/.cache/stowage. Undefined when
 * STOWAGE_CACHE is empty, or when the folder is not safe: another user with write access could make
 * this program run any code, so each folder of the path must belong to, and be writable by, only
 * this user.
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

/** A missing folder counts as private: this program creates it. */
function isPrivate(folder: string, uid: number): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return (
    found === undefined || (found.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0)
  );
}

/** The stored code; undefined when there is none, or it cannot be read. */
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

/**
 * Stores the code for the next start, by a rename: other processes may store it at the same time.
 */
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
    // Another process has removed it.
  }
}
