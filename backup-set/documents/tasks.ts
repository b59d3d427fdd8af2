import * as z from 'zod';
import { Content, Count, header, IsoDate, Sha256 } from '../base/document.ts';
import { TaskId } from '../base/timestamps.ts';
import { Problems, SetStatus } from '../base/verdict.ts';

const SliceNumber = Count.max(999_999);

/** tasks/<task>/request.json: somebody wants the work done. Where a copy goes to is no field: functions are configured with it. */
export const TaskRequest = z.object({
  ...header('task-request'),
  task: TaskId,
  requestedAt: IsoDate,
});
export type TaskRequest = z.infer<typeof TaskRequest>;

/** tasks/<task>/plan.json: how many orders there are, and of what. */
export const TaskPlan = z.object({
  ...header('task-plan'),
  task: TaskId,
  manifestSha256: Sha256,
  slices: Count.min(1).max(1_000_000),
  objects: Count,
  bytes: Count,
});
export type TaskPlan = z.infer<typeof TaskPlan>;

/** Objects `from` to `to` (exclusive) of a content, in the order of `objectsOf`. */
const Piece = z.object({ content: Content, from: Count, to: Count });
export type Piece = z.infer<typeof Piece>;

/** tasks/<task>/orders/<n>.json: the share of one function. */
export const SliceOrder = z.object({
  ...header('slice-order'),
  task: TaskId,
  slice: SliceNumber,
  manifestSha256: Sha256,
  pieces: z.array(Piece).min(1),
});
export type SliceOrder = z.infer<typeof SliceOrder>;

/** tasks/<task>/receipts/<n>.json: what one function found or did. */
export const SliceReceipt = z.object({
  ...header('slice-receipt'),
  task: TaskId,
  slice: SliceNumber,
  manifestSha256: Sha256,
  objects: Count,
  bytes: Count,
  ...Problems,
});
export type SliceReceipt = z.infer<typeof SliceReceipt>;

/** tasks/<task>/outcome.json: how the task ended. `verdict` is its key, under the root it was given for. */
export const TaskOutcome = z.object({
  ...header('task-outcome'),
  task: TaskId,
  at: IsoDate,
  status: SetStatus,
  /** The root that holds the verdict: this one, or the one copied to. */
  root: z.string(),
  verdict: z.string().exactOptional(),
  objects: Count,
  bytes: Count,
  ...Problems,
});
export type TaskOutcome = z.infer<typeof TaskOutcome>;
