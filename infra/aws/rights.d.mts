/** By name of the role, without `Role`. */
export const RIGHTS: Readonly<Record<string, unknown>>;
