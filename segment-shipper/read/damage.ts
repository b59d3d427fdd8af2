import { StowageError } from '../../backup-set/base/errors.ts';
import { hex } from '../../frame/hex.ts';

/** @throws StowageError `set/damaged` when the CRC-32 is not the one in the manifest. */
export function requireCrc(found: number, wanted: string, object: string, offset: number): void {
  if (hex(found) === wanted) return;
  const message = `stored bytes have CRC-32 ${hex(found)}, the manifest says ${wanted}`;
  throw damaged(message, object, offset);
}

export function damaged(
  message: string,
  object: string,
  offset: number,
  cause?: unknown,
): StowageError {
  return new StowageError('set/damaged', `${object} at byte ${offset}: ${message}`, {
    cause,
    where: { object, offset },
  });
}
