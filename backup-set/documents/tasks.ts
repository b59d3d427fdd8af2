import * as z from 'zod';
import { Content, Count, header, IsoDate, Sha256 } from '../base/document.ts';
import { TaskId } from '../base/timestamps.ts';
import { Problems, SetStatus } from '../base/verdict.ts';

const SliceNumber = Count.max(999_999);

/**
 * tasks/<task>/request.json: asks for a task. It does not name the target of a copy: the functions
 * have it in their configuration.
 */
export const TaskRequest = z.object({
  ...header('task-request'),
  task: TaskId,
  requestedAt: IsoDate,
});
export type TaskRequest = z.infer<typeof TaskRequest>;

/** tasks/<task>/plan.json: the number of slices, and what they contain together. */
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

/** tasks/<task>/orders/<n>.json: one slice, which one call of a function processes. */
export const SliceOrder = z.object({
  ...header('slice-order'),
  task: TaskId,
  slice: SliceNumber,
  manifestSha256: Sha256,
  pieces: z.array(Piece).min(1),
});
export type SliceOrder = z.infer<typeof SliceOrder>;

/** tasks/<task>/receipts/<n>.json: the result of one slice. */
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

/** tasks/<task>/outcome.json: how the task ended. `verdict` is a key under `root`. */
export const TaskOutcome = z.object({
  ...header('task-outcome'),
  task: TaskId,
  at: IsoDate,
  status: SetStatus,
  /** The root with the verdict: the root of the task, or the alternate location. */
  root: z.string(),
  verdict: z.string().exactOptional(),
  objects: Count,
  bytes: Count,
  ...Problems,
});
export type TaskOutcome = z.infer<typeof TaskOutcome>;
