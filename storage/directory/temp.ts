import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TEMP_FOLDER } from '../check-key.ts';
import type { PendingUpload } from '../store.ts';
import { isErrno, withErrorCodes } from './errors.ts';
import { DIRECTORY_MODE, makeFolderWithParents } from './make-folder.ts';

/**
 * Unfinished files are in one flat folder inside the root: on the same filesystem they can be
 * linked to their key. The file name holds the key, so no second file is needed: `.tmp/<start time,
 * base 36>-<random>.<key as base64url>`. The rest of a key that is too long for one file name is in
 * the names of subfolders.
 */
const NAME = /^(?<began>[0-9a-z]{1,11})-[0-9a-f]{16}\.(?<key>[A-Za-z0-9_-]+)$/;
/** File names have at most 255 bytes on common filesystems (143 on eCryptfs: too few for these). */
const NAME_CHARACTERS_MAX = 200;

export interface TempFile {
  readonly path: string;
  readonly uploadId: string;
}

/** A new path for the unfinished object `key`. Creates its folders, not the file. */
export async function reserveTempFile(root: string, key: string, now: Date): Promise<TempFile> {
  const uploadId = newUploadId(now);
  const path = tempPath(root, key, uploadId);
  await makeFolderWithParents(dirname(path));
  return { path, uploadId };
}

const newUploadId = (now: Date) =>
  `${now.getTime().toString(36)}-${randomBytes(8).toString('hex')}`;

/** The name of a new file for a key so short that it needs no subfolder. */
export function newTempName(key: string, now: Date): string {
  return tempName(key, newUploadId(now))[0];
}

/** Makes the folder of unfinished files in a root that exists. */
export async function makeTempFolder(root: string): Promise<void> {
  await mkdir(join(root, TEMP_FOLDER), { mode: DIRECTORY_MODE }).catch((error: unknown) => {
    if (!isErrno(error, 'EEXIST')) throw error;
  });
}

/** Removes an unfinished file with its subfolders. A file that no longer exists is not an error. */
export async function removeTempFile(root: string, key: string, uploadId: string): Promise<void> {
  const [first] = tempName(key, uploadId);
  if (!NAME.test(first)) return;
  await withErrorCodes(`removing an unfinished upload of ${key}`, key, () =>
    rm(join(root, TEMP_FOLDER, first), { recursive: true, force: true }),
  );
}

/** The unfinished files whose key starts with `prefix`, in key order. */
export async function listTempFiles(root: string, prefix: string): Promise<PendingUpload[]> {
  const folder = join(root, TEMP_FOLDER);
  const names = await readdir(folder).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  });
  const found: PendingUpload[] = [];
  for (const name of names) {
    const match = NAME.exec(name)?.groups;
    if (match === undefined) continue;
    const file = await fileBelow(join(folder, name));
    // It was linked to its key, or removed, since the folder was read.
    if (file === undefined) continue;
    const key = Buffer.from(`${match['key']}${file.rest}`, 'base64url').toString();
    if (!key.startsWith(prefix)) continue;
    const uploadId = name.slice(0, name.indexOf('.'));
    found.push({ key, uploadId, startedAt: file.writtenAt });
  }
  return found.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}

/**
 * The part of an encoded key that is in subfolders, and when the file was last written: a time of
 * the file system, not of the writer as in the name.
 */
async function fileBelow(path: string): Promise<{ rest: string; writtenAt: Date } | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  const here = { rest: '', writtenAt: found.mtime };
  if (!found.isDirectory()) return here;
  const [name] = await readdir(path).catch(() => []);
  const below = name === undefined ? undefined : await fileBelow(join(path, name));
  return below === undefined ? here : { ...below, rest: `${name}${below.rest}` };
}

function tempPath(root: string, key: string, uploadId: string): string {
  return join(root, TEMP_FOLDER, ...tempName(key, uploadId));
}

function tempName(key: string, uploadId: string): [string, ...string[]] {
  const encoded = Buffer.from(key).toString('base64url');
  const rest: string[] = [];
  for (let at = NAME_CHARACTERS_MAX; at < encoded.length; at += NAME_CHARACTERS_MAX) {
    rest.push(encoded.slice(at, at + NAME_CHARACTERS_MAX));
  }
  return [`${uploadId}.${encoded.slice(0, NAME_CHARACTERS_MAX)}`, ...rest];
}
