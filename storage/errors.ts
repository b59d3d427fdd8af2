import { StowageError } from '../backup-set/base/errors.ts';
import { count, plural } from '../backup-set/base/words.ts';

/**
 * The codes of an object that is there and that the store does not give away, also later: its
 * writer has encrypted it with a key of its own, or put it into a class that is not online.
 */
export const WITHHELD = ['storage/denied', 'storage/invalid'] as const;

export function changed(key: string, how: string, cause?: unknown): StowageError {
  return new StowageError('storage/changed', `${key} changed while it was read: ${how}`, {
    cause,
    where: { object: key },
  });
}

export function exists(key: string, cause?: unknown): StowageError {
  return new StowageError('storage/exists', `${key} already exists`, {
    cause,
    where: { object: key },
  });
}

export function tooLarge(key: string, bytes: number, bytesMax: number): StowageError {
  return new StowageError(
    'storage/too-large',
    `${key} has ${plural(bytes, 'byte')}, more than the maximum of ${count(bytesMax)}`,
    { where: { object: key } },
  );
}

export function notFound(key: string, url: string, cause?: unknown): StowageError {
  return new StowageError('storage/not-found', `there is no object ${key} in ${url}`, {
    cause,
    where: { object: key },
  });
}
