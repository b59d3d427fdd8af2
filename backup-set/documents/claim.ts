import * as z from 'zod';
import { header, IsoDate } from '../base/document.ts';

/**
 * claims/…/<content>.json: an agent begins with an order. Without a receipt it is at work, or it was ended amid the order, which
 * its successor knows by the name: the order must not be begun twice (docs/design/0010-agents.md).
 */
export const Claim = z.object({
  ...header('claim'),
  /** Key of the order. */
  order: z.string(),
  /** The agent's name, the same after a restart. */
  agent: z.string().min(1),
  /** Another one in every process. */
  instance: z.string().min(1),
  claimedAt: IsoDate,
});
export type Claim = z.infer<typeof Claim>;
