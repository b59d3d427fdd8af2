/** The role of one entry of RIGHTS, as a template has it. */
export function roleOf(name: string): unknown;
