import * as z from 'zod';
import { header, IsoDate } from '../../base/document.ts';

/**
 * announcements/…: that a channel begins, that a program tries to send an event through it, that
 * the event was sent, or that it is given up (docs/design/0044-announcements.md).
 */
export const LedgerEntry = z.object({
  ...header('announcement'),
  at: IsoDate,
  /** The program and host that wrote it. */
  by: z.string(),
  channel: z.string(),
  event: z.string().exactOptional(),
  /** Of `sent` and `failed`: what the channel answered. */
  answer: z.string().exactOptional(),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;
