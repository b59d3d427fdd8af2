import { Count, Digest } from '../base/document.ts';
import type { Reason } from './reasons.ts';

/** Fields of a witness of every kind: which table this is, and what COPY prints of its pages. */
export const heapFields = {
  oid: Count.min(1),
  /** relfilenode: another one after TRUNCATE, VACUUM FULL, or a change of a column's type. */
  file: Count.min(1),
  /** relfilenode of its TOAST table. */
  toastFile: Count.min(1).exactOptional(),
  /** Digest of what COPY prints and pages do not show (docs/design/0022-witnesses.md). */
  shape: Digest,
};

interface HeapFields {
  readonly oid: number;
  readonly file: number;
  readonly toastFile?: number;
  readonly shape: string;
}

/** A witness of one relation, and what the server said for all of its kind. */
export interface Pair<Source, Witness> {
  readonly source: Source;
  readonly witness: Witness;
}

/** Why the table is not the same table with the same columns. */
export function replaced(base: HeapFields, now: HeapFields): Reason | undefined {
  if (base.oid !== now.oid) return 'replaced';
  if (base.file !== now.file || base.toastFile !== now.toastFile) return 'rewritten';
  return base.shape === now.shape ? undefined : 'shape-changed';
}
