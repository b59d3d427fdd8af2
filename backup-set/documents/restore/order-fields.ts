import * as z from 'zod';
import { Content, header } from '../../base/document.ts';
import { RestoreId, Timestamp } from '../../base/timestamps.ts';

/** The fields of the orders of all phases. */
export const orderFields = {
  ...header('order'),
  id: RestoreId,
  timestamp: Timestamp,
  content: Content,
  /** The set is: a shipper without its keys refuses the order before it changes anything. */
  encrypted: z.literal(true).exactOptional(),
};
