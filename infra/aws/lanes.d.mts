/** What TypeScript may know of lanes.mjs, which osls must be able to load as it is. */
export interface Lane {
  readonly name: string;
  readonly keys: readonly string[];
  readonly work: readonly string[];
  /** Seconds. */
  readonly timeout: number;
}
export const LANES: readonly Lane[];
export const SWEEP: { readonly name: string };
export function pascal(name: string): string;
export function kebab(name: string): string;
