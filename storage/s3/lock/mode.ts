import type { LockMode } from '../../lock.ts';

/** Undefined for a value that no version of the protocol has. */
export function lockMode(text: string | undefined): LockMode | undefined {
  return text === 'GOVERNANCE' || text === 'COMPLIANCE' ? text : undefined;
}
