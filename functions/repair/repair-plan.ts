import type { Problem } from '../../backup-set/base/verdict.ts';
import type { CheckedObject } from '../check/object.ts';

/** An object to bring back: a document with its bytes, or an object with its digests. */
export interface RepairItem {
  readonly key: string;
  readonly bytes: number;
  readonly state: 'missing' | 'damaged';
  readonly good: { readonly document: Uint8Array } | { readonly object: CheckedObject };
}

export interface RepairPlan {
  /** In the order in which they are stored: the manifest last. */
  readonly items: readonly RepairItem[];
  /** What the copy cannot give back: it lacks it, or has it damaged. */
  readonly lost: readonly Problem[];
  /** `verify` has found damage, so only a new `verify` can say that the set is complete. */
  readonly needsVerify: boolean;
}
