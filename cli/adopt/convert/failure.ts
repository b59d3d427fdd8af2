import { asStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { UnsoundScript } from '../script/unsound.ts';

/** What has ended the storing of a source: the source is not sound, or another failure. */
export function failureOf(error: unknown): StowageError {
  return error instanceof UnsoundScript
    ? new StowageError('adopt/unsound', `the source is not sound: ${error.message}`)
    : asStowageError(error);
}
