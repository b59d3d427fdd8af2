/** What functions do with a set, in the order in which one of them needs what another has left. */
export const WORKS = [
  'list',
  'stitch',
  'validate',
  'slices',
  'plan restore',
  'data orders',
  'one receipt of many',
  'end restore',
] as const;
export type Work = (typeof WORKS)[number];

/** Megabytes that infra/aws/lanes.mjs gives to the function that does it. */
export const FUNCTION_MEGABYTES: Readonly<Record<Work, number>> = {
  list: 1769,
  stitch: 1769,
  validate: 1769,
  slices: 1769,
  'plan restore': 3008,
  'data orders': 3008,
  'one receipt of many': 3008,
  'end restore': 3008,
};

/** What a process said of itself, or why it did not live to say anything. */
export type Measured =
  | {
      readonly wallSeconds: number;
      readonly cpuSeconds: number;
      readonly peakRssMib: number;
      readonly orderBytes?: number;
      readonly largestOrderBytes?: number;
    }
  | { readonly failed: string };
