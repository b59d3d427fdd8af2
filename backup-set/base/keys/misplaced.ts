import { type Key, parseKey } from '../keys.ts';
import { instantOf } from '../timestamps.ts';

/** Parts of keys, and the fields of documents that repeat them. */
const REPEATED: Readonly<Record<string, string>> = {
  timestamp: 'timestamp',
  content: 'content',
  attempt: 'attempt',
  worker: 'worker',
  sequence: 'sequence',
  level: 'level',
  what: 'what',
  keyId: 'keyId',
  task: 'task',
  slice: 'slice',
  restore: 'id',
  phase: 'phase',
  entry: 'entry',
  channel: 'channel',
  event: 'event',
};

/** Fields with the time that the key has as an instant. Other documents have that of a host. */
const INSTANTS: Readonly<Partial<Record<Key['kind'], string>>> = {
  verdict: 'at',
  'lock-record': 'at',
  'schedule-run': 'scheduledAt',
  'schedule-order': 'scheduledAt',
  lease: 'from',
};

/**
 * Finds the field with which a document contradicts its key: it was copied from another place, such
 * as the manifest of another set. Undefined when there is none, or the key is not of the format.
 */
export function misplacedField(
  key: string,
  document: unknown,
): { readonly field: string; readonly message: string } | undefined {
  const place = parseKey(key);
  if (place === undefined || typeof document !== 'object' || document === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(document));
  for (const [part, expected] of Object.entries(place)) {
    const isTime = part === 'instant';
    const field = isTime ? INSTANTS[place.kind] : REPEATED[part];
    // base/<content>.json is a part of the manifest of another set.
    const isOfBase = place.kind === 'base-part' && part === 'timestamp';
    if (field === undefined || isOfBase || !fields.has(field)) continue;
    const actual = fields.get(field);
    if ((isTime ? instantOf(new Date(String(actual))) : actual) === expected) continue;
    const message = `field ${field} of the document is ${String(actual)} instead of ${String(expected)}`;
    return { field, message };
  }
  return undefined;
}
