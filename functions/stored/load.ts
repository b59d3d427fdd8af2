import { mapInFlight } from '../../async/each-in-flight.ts';
import {
  DOCUMENT_BYTES_MAX,
  decode,
  HEAD_BYTES_MAX,
  type RawDocument,
  RECEIPT_BYTES_MAX,
} from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey, type Key, parseKey, receiptsPrefix } from '../../backup-set/base/keys.ts';
import { Verdict } from '../../backup-set/base/verdict.ts';
import type { StoredObject } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { noteUnreadable } from './unreadable.ts';

/** Small GETs at once: hides the latency of S3, and stays far below the limits of any server. */
export const READS_IN_FLIGHT = 16;

/**
 * Reads a document; undefined when it is missing. A document that is too large is returned empty:
 * its reader then reports it as unreadable, and the other documents are still read.
 * @param bytesMax the size that another document gives; the limit of all documents also applies.
 */
export async function readDocument(
  deps: Deps,
  key: string,
  bytesMax = bytesMaxOf(key),
): Promise<RawDocument | undefined> {
  const limit = { bytesMax: Math.min(bytesMax, DOCUMENT_BYTES_MAX) };
  try {
    return { key, bytes: await deps.store.read(key, { signal: deps.signal, ...limit }) };
  } catch (error) {
    if (isStowageError(error, 'storage/not-found')) return undefined;
    if (!isStowageError(error, 'storage/too-large')) throw error;
    deps.log.warn({ object: key, ...limit }, 'document too large: treated as unreadable');
    return { key, bytes: new Uint8Array() };
  }
}

/** Documents of a whole set have a smaller limit: every function must be able to hold them. */
function bytesMaxOf(text: string): number {
  switch (parseKey(text)?.kind) {
    case 'plan':
    case 'seal':
    case 'manifest':
    case 'verdict':
      return HEAD_BYTES_MAX;
    default:
      return DOCUMENT_BYTES_MAX;
  }
}

/** Reads many small documents, a bounded number at once. Missing ones are left out. */
export async function readAll(deps: Deps, keys: readonly string[]): Promise<RawDocument[]> {
  const documents = await mapInFlight(keys, READS_IN_FLIGHT, (key) =>
    readDocument(deps, key, RECEIPT_BYTES_MAX),
  );
  return documents.filter((document) => document !== undefined);
}

/** The objects of these kinds below a prefix. Other keys are ignored. */
export async function listKeys(
  deps: Deps,
  prefix: string,
  kinds: readonly Key['kind'][],
): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for await (const object of deps.store.list(prefix, { signal: deps.signal })) {
    const parsed = parseKey(object.key);
    if (parsed === undefined)
      deps.log.debug({ key: object.key }, 'key ignored: Stowage has no such keys');
    else if (kinds.includes(parsed.kind)) found.push(object);
  }
  return found;
}

/** Number of stored receipts per content. */
export async function countReceipts(deps: Deps, timestamp: string): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  for await (const object of deps.store.list(receiptsPrefix(timestamp), { signal: deps.signal })) {
    const key = parseKey(object.key);
    if (key?.kind === 'receipt') counts.set(key.content, (counts.get(key.content) ?? 0) + 1);
  }
  return counts;
}

/** Keys of all verdicts of a set, oldest first: their names begin with the instant. */
export async function verdictKeys(deps: Deps, timestamp: string): Promise<string[]> {
  return (await listVerdicts(deps, timestamp)).map(({ key }) => key);
}

export async function listVerdicts(deps: Deps, timestamp: string): Promise<StoredObject[]> {
  const anyKey = formatKey({
    kind: 'verdict',
    timestamp,
    instant: '0'.repeat(17),
    level: 'stitch',
  });
  return listKeys(deps, anyKey.slice(0, anyKey.lastIndexOf('/') + 1), ['verdict']);
}

/** The newest verdict of a level; undefined when there is none or it cannot be read. */
export async function newestVerdict(
  deps: Deps,
  timestamp: string,
  level: Verdict['level'],
  known?: readonly string[],
): Promise<Verdict | undefined> {
  const keys = known ?? (await verdictKeys(deps, timestamp));
  const newest = keys.findLast((key) => verdictLevel(key) === level);
  return newest === undefined ? undefined : readVerdict(deps, newest);
}

/** Undefined when it is missing or cannot be read. */
export async function readVerdict(deps: Deps, key: string): Promise<Verdict | undefined> {
  const raw = await readDocument(deps, key);
  if (raw === undefined) return undefined;
  try {
    return decode(Verdict, raw);
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    noteUnreadable(deps, error, 'verdict ignored, it cannot be read');
    return undefined;
  }
}

export function verdictLevel(key: string): Verdict['level'] | undefined {
  const parsed = parseKey(key);
  return parsed?.kind === 'verdict' ? parsed.level : undefined;
}
