/** What passed through the sink since the last reset: the bench reads it after every run. */
export interface Counts {
  /** Requests by operation, such as `UploadPart`. */
  readonly requests: Record<string, number>;
  /** The same for each segment whose content id is in the key; `shared` for all other keys. */
  readonly requestsOf: Record<string, Record<string, number>>;
  /** Bodies of objects and parts that came in. */
  bytesIn: number;
  /** Bodies of objects that went out. */
  bytesOut: number;
  /** The same, by the last ending of the key: `pack`, `json`, `zst`. */
  readonly bytesOutOf: Record<string, number>;
}

export function noCounts(): Counts {
  return { requests: {}, requestsOf: {}, bytesIn: 0, bytesOut: 0, bytesOutOf: {} };
}

/** Where a key of Stowage says which segment it belongs to. */
const SEGMENT = /\/(?:metadata|data|receipts|seals|manifest|orders|claims|reports)\/(-?\d+)[/.-]/;

export function countRequest(counts: Counts, operation: string, key: string): void {
  const segment = SEGMENT.exec(key)?.[1] ?? 'shared';
  counts.requestsOf[segment] ??= {};
  const own = counts.requestsOf[segment];
  for (const kinds of [counts.requests, own]) kinds[operation] = (kinds[operation] ?? 0) + 1;
}

export function countOut(counts: Counts, key: string, bytes: number): void {
  const ending = key.slice(key.lastIndexOf('.') + 1);
  counts.bytesOut += bytes;
  counts.bytesOutOf[ending] = (counts.bytesOutOf[ending] ?? 0) + bytes;
}
