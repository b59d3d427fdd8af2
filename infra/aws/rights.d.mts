/** The roles of hosts, which can be limited to the contents of one host. */
export const HOST_ROLES: readonly string[];
/** By name of the role, without `Role`. */
export const RIGHTS: Readonly<Record<string, unknown>>;
