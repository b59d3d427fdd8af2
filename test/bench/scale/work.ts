/** The measured functions, in the order in which each needs the documents of those before it. */
export const WORKS = [
  'list',
  'stitch',
  'validate',
  'plan-task',
  'plan-restore',
  'load orders',
  'one receipt of many',
  'end restore',
] as const;
export type Work = (typeof WORKS)[number];

/** Megabytes that infra/aws/lanes.mjs gives to the Lambda that runs it. */
export const FUNCTION_MEGABYTES: Readonly<Record<Work, number>> = {
  list: 1769,
  stitch: 1769,
  validate: 1769,
  'plan-task': 1769,
  'plan-restore': 3008,
  'load orders': 3008,
  'one receipt of many': 3008,
  'end restore': 3008,
};

/** The figures of a process, or the reason why it failed. */
export type Measured =
  | {
      readonly wallSeconds: number;
      readonly cpuSeconds: number;
      readonly peakRssMib: number;
      readonly orderBytes?: number;
      readonly largestOrderBytes?: number;
    }
  | { readonly failed: string };
