import { DOCUMENT_BYTES_MAX, decode } from '../../../backup-set/base/document.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey, RESTORES } from '../../../backup-set/base/keys.ts';
import { RestoreId } from '../../../backup-set/base/timestamps.ts';
import { Outcome, RestorePlan } from '../../../backup-set/documents/restore/restore.ts';
import type { ObjectStore } from '../../../storage/store.ts';

/** A restore of this root that ended as `restored`. */
export interface EarlierRestore {
  readonly id: string;
  readonly bytes: number;
  /** From the request to the outcome: with indexes, keys and counts. */
  readonly ms: number;
}

/** A root with more restores than this: only the oldest of them are looked at. */
const LISTED_MAX = 20_000;
const LOOKED_AT_MAX = 20;
const RESTORED_MAX = 5;

/** The last restores of this root that succeeded, the newest first. */
export async function earlierRestores(
  store: ObjectStore,
  signal: AbortSignal,
): Promise<EarlierRestore[]> {
  const newest: string[] = [];
  let listed = 0;
  for await (const folder of store.listPrefixes(RESTORES, { signal })) {
    newest.push(folder.slice(0, -1));
    if (newest.length > LOOKED_AT_MAX) newest.shift();
    if (++listed >= LISTED_MAX) break;
  }
  const found: EarlierRestore[] = [];
  for (const id of newest.reverse()) {
    if (found.length >= RESTORED_MAX) break;
    const restored = RestoreId.safeParse(id).success ? await readRestore(store, id) : undefined;
    if (restored !== undefined) found.push(restored);
  }
  return found;
}

/** Undefined: it has not ended, has failed, or its documents cannot be read. */
async function readRestore(
  store: ObjectStore,
  restore: string,
): Promise<EarlierRestore | undefined> {
  const read = async (kind: 'restore-plan' | 'outcome') => {
    const key = formatKey({ kind, restore });
    return { key, bytes: await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX }) };
  };
  try {
    // Both times are the clock of the store.
    const began = await store.head(formatKey({ kind: 'restore-request', restore }));
    const ended = await store.head(formatKey({ kind: 'outcome', restore }));
    if (began === undefined || ended === undefined) return undefined;
    const { status } = decode(Outcome, await read('outcome'));
    if (status !== 'restored') return undefined;
    const { totals } = decode(RestorePlan, await read('restore-plan'));
    const ms = ended.modifiedAt.getTime() - began.modifiedAt.getTime();
    return { id: restore, bytes: totals.bytes, ms };
  } catch (error) {
    if (!isStowageError(error)) throw error;
    return undefined;
  }
}

export interface Estimate {
  readonly ms: number;
  readonly from: EarlierRestore;
}

/** A restore of a hundredth of the bytes says nothing about the rate: it only starts and ends. */
const SHARE_MIN = 0.01;
const MS_MIN = 1_000;

/** How long a restore of these bytes takes, or why it is not known. */
export function estimateFrom(earlier: readonly EarlierRestore[], bytes: number): Estimate | string {
  const [first] = earlier;
  if (first === undefined) return 'no earlier restore of this root';
  const from = earlier.reduce((most, one) => (one.bytes > most.bytes ? one : most), first);
  if (from.bytes === 0 || from.ms <= 0) return 'no earlier restore of this root has loaded rows';
  if (from.bytes < bytes * SHARE_MIN) return 'the earlier restores of this root were much smaller';
  return { ms: Math.max(MS_MIN, (from.ms / from.bytes) * bytes), from };
}
