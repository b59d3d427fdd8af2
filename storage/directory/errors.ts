import { type ErrorCode, messageOf, StowageError } from '../../backup-set/base/errors.ts';

const CODE_OF_ERRNO: Readonly<Record<string, ErrorCode>> = {
  EEXIST: 'storage/exists',
  ENOENT: 'storage/not-found',
  ENOTDIR: 'storage/not-found',
  EISDIR: 'storage/not-found',
  EACCES: 'storage/denied',
  EPERM: 'storage/denied',
  EROFS: 'storage/denied',
  EFBIG: 'storage/too-large',
  ENAMETOOLONG: 'storage/invalid',
};

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

export function isErrno(error: unknown, ...codes: string[]): boolean {
  const code = errnoOf(error);
  return code !== undefined && codes.includes(code);
}

/**
 * Says what failed on which object. An error that is not in the table (a full disk, a stale NFS
 * handle, an I/O error) means that the store is unavailable; the message has the system's text.
 */
function directoryError(error: unknown, doing: string, object?: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || error instanceof StowageError) return error;
  const code = CODE_OF_ERRNO[errno] ?? 'storage/unavailable';
  const isMissing = code === 'storage/not-found' && object !== undefined;
  const reason = isMissing
    ? 'the object does not exist'
    : errno === 'EROFS'
      ? `the file system is mounted read-only: ${messageOf(error)}`
      : messageOf(error);
  return new StowageError(code, `${doing} failed: ${reason}`, {
    cause: error,
    where: object === undefined ? {} : { object },
  });
}

/** Runs `work` and turns its system errors into StowageErrors with a code. */
export async function withErrorCodes<T>(
  doing: string,
  object: string | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw directoryError(error, doing, object);
  }
}
