import * as z from 'zod';
import { Content, Count, header } from '../base/document.ts';
import { Timestamp } from '../base/timestamps.ts';
import { ContentWitness, RelationWitness } from '../witness/kinds.ts';
import { Ranges } from './plan.ts';

/** What the barrier saw of one relation, and what the coordinator decided with it. */
export const WitnessedRelation = z.object({
  relation: Count,
  witness: RelationWitness,
  /** The set in which the rows were last read: this one, unless `carried`. */
  readAt: Timestamp,
  /** The rows are those of the base. Absent = they are read. */
  carried: z.literal(true).exactOptional(),
  /** The ranges of blocks that are read, of those of the witness. The others are carried. */
  readRanges: Ranges.exactOptional(),
});
export type WitnessedRelation = z.infer<typeof WitnessedRelation>;

/**
 * witnesses/<content>.json: what the barrier saw of one content. The plan pins it. Relations
 * without a witness are not in it: they are read.
 */
export const Witnesses = z.object({
  ...header('witnesses'),
  timestamp: Timestamp,
  content: Content,
  ...ContentWitness.shape,
  relations: z.array(WitnessedRelation),
});
export type Witnesses = z.infer<typeof Witnesses>;
