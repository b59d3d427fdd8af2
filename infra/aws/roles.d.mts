/** The role of one entry of RIGHTS, as a template has it; `contents` limits what it creates. */
export function roleOf(name: string, contents?: readonly number[]): unknown;
