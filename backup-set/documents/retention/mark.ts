import * as z from 'zod';
import { header, IsoDate } from '../../base/document.ts';
import { RETENTION_MARKS } from '../../base/keys/more-keys.ts';
import { Timestamp } from '../../base/timestamps.ts';

/**
 * retention/<instant>-<what>.json of a set (docs/design/0024-expiry.md). It is never changed: the
 * state of a set follows from all of its marks.
 */
export const Mark = z.object({
  ...header('retention'),
  timestamp: Timestamp,
  what: z.enum(RETENTION_MARKS),
  at: IsoDate,
  /** The program and host that wrote it. */
  by: z.string(),
  /** For people: why the set is held, goes, or is read. */
  why: z.string().exactOptional(),
  /** Of `ended`: whether the set lives again, or its removal has begun. */
  as: z.enum(['unexpired', 'removal']).exactOptional(),
});
export type Mark = z.infer<typeof Mark>;

/**
 * expiries/<instant>.json: a run of expiry that a schedule has started. Of several servers one
 * creates it, and runs.
 */
export const ExpiryRun = z.object({ ...header('expiry'), at: IsoDate, by: z.string() });
