/** Requests and bytes since the last reset. The bench reads them after every run. */
export interface Counts {
  /** Requests by operation, such as `UploadPart`. */
  readonly requests: Record<string, number>;
  /** The same for each content id in a key; `shared` for keys without a content id. */
  readonly requestsOf: Record<string, Record<string, number>>;
  /** Bytes of received bodies of objects and parts. */
  bytesIn: number;
  /** Bytes of sent bodies of objects. */
  bytesOut: number;
  /** The same for each extension of a key: `pack`, `json`, `zst`. */
  readonly bytesOutOf: Record<string, number>;
}

export function noCounts(): Counts {
  return { requests: {}, requestsOf: {}, bytesIn: 0, bytesOut: 0, bytesOutOf: {} };
}

/** Finds the content id in a key of Stowage. */
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
