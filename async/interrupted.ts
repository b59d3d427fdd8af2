import { StowageError } from '../backup-set/base/errors.ts';

export function interrupted(signal: AbortSignal): StowageError {
  return new StowageError('interrupted', 'ended on request', { cause: signal.reason });
}

export function throwIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw interrupted(signal);
}
