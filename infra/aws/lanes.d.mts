/** The types of lanes.mjs: osls must be able to load that file without a build. */
export interface Lane {
  readonly name: string;
  readonly keys: readonly string[];
  readonly work: readonly string[];
  /** Seconds. */
  readonly timeout: number;
}
export const LANES: readonly Lane[];
export const SWEEP: { readonly name: string };
/** Every function that a schedule calls, without a queue. */
export const SCHEDULED: readonly { readonly name: string }[];
export function pascal(name: string): string;
export function kebab(name: string): string;
