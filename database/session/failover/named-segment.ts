/** Greenplum's SQLSTATE when a segment does not answer the coordinator; PostgreSQL lacks it. */
export const SEGMENT_LOST = '58M01';

/** The DETAIL of a server's message; empty when it has none. */
export function detailOf(error: Error): string {
  return 'detail' in error && typeof error.detail === 'string' ? error.detail : '';
}

const SEGMENT = /\bseg(\d+) (?:slice\d+ )?[^\s:]+:\d+/;
/** As Stowage adds it. */
const LOST = /; lost: content (\d+) \(/;

/**
 * The segment that an error of the coordinator names, as in `(seg1 slice2 sdw1:6000 pid=7)`;
 * undefined when it names none.
 */
export function contentIn(error: unknown): number | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const text = `${at.message}\n${detailOf(at)}`;
    const found = SEGMENT.exec(text) ?? LOST.exec(text);
    if (found !== null) return Number(found[1]);
  }
  return undefined;
}
