/** The major versions of Greenplum that Stowage knows; versions.ts has their traits. */
export const GREENPLUM_MAJORS = [6, 7] as const;

export type GreenplumMajor = (typeof GREENPLUM_MAJORS)[number];
