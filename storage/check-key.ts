import { StowageError } from '../backup-set/base/errors.ts';

/** S3's limit, in bytes of UTF-8; the directory store keeps to it so that a set can move between the two. */
const KEY_BYTES_MAX = 1024;

/** First path segment under which the directory store keeps unfinished files; refused as a key everywhere. */
export const TEMP_FOLDER = '.tmp';

/**
 * Refuses a key that could leave the root, that two servers would read differently, or that XML cannot carry.
 * Keys also come out of documents that others wrote: this is the place where `../../etc/passwd` ends.
 * @throws StowageError `storage/invalid`.
 */
export function checkKey(key: string): void {
  const wrong = keyError(key);
  if (wrong !== undefined) {
    throw new StowageError(
      'storage/invalid',
      `refused the object key ${JSON.stringify(key)}: ${wrong}`,
      {
        where: { object: key },
      },
    );
  }
}

/** As `checkKey` for the start of a key: the last segment may be cut anywhere, also right after a slash. */
export function checkPrefix(prefix: string): void {
  const folder = prefix.slice(0, prefix.lastIndexOf('/'));
  const wrong = textError(prefix) ?? (prefix.includes('/') ? segmentsError(folder) : undefined);
  if (wrong !== undefined) {
    throw new StowageError(
      'storage/invalid',
      `refused the key prefix ${JSON.stringify(prefix)}: ${wrong}`,
    );
  }
}

/** As `checkPrefix` for a whole folder: empty, or ending in a slash. */
export function checkFolder(prefix: string): void {
  checkPrefix(prefix);
  if (prefix !== '' && !prefix.endsWith('/')) {
    throw new StowageError(
      'storage/invalid',
      `refused the folder ${JSON.stringify(prefix)}: it does not end in /`,
    );
  }
}

function keyError(key: string): string | undefined {
  if (key === '') return 'it is empty';
  return textError(key) ?? segmentsError(key);
}

function textError(text: string): string | undefined {
  if (!text.isWellFormed()) return 'it is not well-formed Unicode';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters XML listings cannot carry
  if (/[\u0000-\u001f\u007f\ufffe\uffff]/.test(text)) return 'it holds a control character';
  if (Buffer.byteLength(text) > KEY_BYTES_MAX) return `it is longer than ${KEY_BYTES_MAX} bytes`;
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
