import * as z from 'zod';
import { Count, header, IsoDate } from '../base/document.ts';
import { Timestamp } from '../base/timestamps.ts';
import { Problems } from '../base/verdict.ts';

/**
 * locks/<instant>.json of a set: what `extend-retention` did (docs/design/0025-object-lock.md).
 * `complete`: every object that it had to extend is locked at least until `until`.
 */
export const LockRecord = z.object({
  ...header('locks'),
  timestamp: Timestamp,
  at: IsoDate,
  status: z.enum(['complete', 'incomplete']),
  until: IsoDate,
  /** Of the bucket. An object that was locked in another mode keeps that mode. */
  mode: z.enum(['GOVERNANCE', 'COMPLIANCE']),
  /** Objects that it looked at, and how many of them it extended. */
  objects: Count,
  extended: Count,
  ...Problems,
});
export type LockRecord = z.infer<typeof LockRecord>;
