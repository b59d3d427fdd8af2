export const POLL_MS = 3_000;
/** Rows of a table of segments: the slowest ones. */
export const SEGMENTS_SHOWN = 200;
