import { StowageError } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';

export function restoreRefused(
  { content }: ConnectionTarget,
  message: string,
  cause?: unknown,
): StowageError {
  return new StowageError('restore/refused', message, {
    cause,
    ...(content === undefined ? {} : { where: { content } }),
  });
}
