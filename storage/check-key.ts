import { StowageError } from '../backup-set/base/errors.ts';
import { plural } from '../backup-set/base/words.ts';

/** The limit of S3, in bytes of UTF-8. Directories have it too, so that a set fits in both. */
const KEY_BYTES_MAX = 1024;

/** The folder of unfinished files in a directory store; no key of any store may start with it. */
export const TEMP_FOLDER = '.tmp';

/**
 * Rejects a key that could leave the root, that servers interpret differently, or that XML cannot
 * represent. Keys also come from documents that an attacker may have written: `../../etc/passwd`.
 * @throws StowageError `storage/invalid`.
 */
export function checkKey(key: string): void {
  const wrong = keyError(key);
  if (wrong !== undefined) {
    throw new StowageError(
      'storage/invalid',
      `rejected the object key ${JSON.stringify(key)}: ${wrong}`,
      { where: { object: key } },
    );
  }
}

/** As `checkKey`, for the start of a key: the last segment may be incomplete or empty. */
export function checkPrefix(prefix: string): void {
  const folder = prefix.slice(0, prefix.lastIndexOf('/'));
  const wrong = textError(prefix) ?? (prefix.includes('/') ? segmentsError(folder) : undefined);
  if (wrong !== undefined) {
    throw new StowageError(
      'storage/invalid',
      `rejected the key prefix ${JSON.stringify(prefix)}: ${wrong}`,
    );
  }
}

/** As `checkPrefix`, for a folder: it is empty or ends in a slash. */
export function checkFolder(prefix: string): void {
  checkPrefix(prefix);
  if (prefix !== '' && !prefix.endsWith('/')) {
    throw new StowageError(
      'storage/invalid',
      `rejected the folder ${JSON.stringify(prefix)}: it does not end in /`,
    );
  }
}

function keyError(key: string): string | undefined {
  if (key === '') return 'it is empty';
  return textError(key) ?? segmentsError(key);
}

function textError(text: string): string | undefined {
  if (!text.isWellFormed()) return 'it is not well-formed Unicode';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML cannot carry these
  if (/[\u0000-\u001f\u007f\ufffe\uffff]/.test(text)) return 'it contains a control character';
  if (Buffer.byteLength(text) > KEY_BYTES_MAX)
    return `it is longer than ${plural(KEY_BYTES_MAX, 'byte')}`;
  return undefined;
}

function segmentsError(path: string): string | undefined {
  const segments = path.split('/');
  if (segments[0] === '') return 'it starts with /';
  if (segments[0] === TEMP_FOLDER) return `${TEMP_FOLDER} is reserved`;
  if (segments.includes('')) return 'it has an empty segment';
  if (segments.includes('.') || segments.includes('..')) return 'it has a relative segment';
  return undefined;
}
