import { onAbort } from '../../../async/abort.ts';
import { eachInFlight } from '../../../async/each-in-flight.ts';
import { digestOf, encode, FORMAT_VERSION, sha256 } from '../../../backup-set/base/document.ts';
import { asStowageError, isStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Seal, SealPart } from '../../../backup-set/documents/seal.ts';
import { coordinatorMac, originalMac, sealMac } from '../../../frame/seal/derive.ts';
import type { BackupKeys } from '../keys/backup-keys.ts';
import type { BackupRun } from '../run.ts';
import type { Shipped } from '../ship.ts';
import { type ContentTally, sealPartOf } from '../tally.ts';

const PARTS_AT_ONCE = 16;
/** The parts of a thousand contents with ten thousand tables each are half a gigabyte. */
const PARTS_MS_MAX = 15 * 60_000;
/**
 * An interrupted run still stores its seal; the parts and the seal get a short time of their own.
 */
const INTERRUPTED_PARTS_MS_MAX = 20_000;
const SEAL_MS_MAX = 30_000;

type SealInput = Pick<BackupRun, 'store' | 'plan' | 'tally' | 'keys'> & {
  readonly context: Pick<BackupRun['context'], 'clock' | 'signal'>;
};

/**
 * Stores what the database counted, or why the backup failed: first a part per content, then the
 * seal that names the parts. After the seal no function waits for the set. A part that cannot be
 * stored makes the backup fail.
 * @returns the failures that the seal names.
 */
export async function storeSeal(
  { store, plan, tally, context, keys }: SealInput,
  { failures }: Shipped,
): Promise<Shipped['failures']> {
  const interrupted = failures.length > 0 ? AbortSignal.abort() : context.signal;
  const stored = await storeParts({ store, plan, tally }, interrupted);
  // A failed backup does not report parts that were late: the fold names their contents.
  const failed = failures.length > 0 ? failures : stored.failures;
  const seal: Seal = {
    format: 'stowage/seal',
    version: FORMAT_VERSION,
    timestamp: plan.timestamp,
    sealedAt: context.clock().toISOString(),
    planSha256: sha256(encode(Plan, plan)),
    outcome: failed.length === 0 ? 'counted' : 'failed',
    contents: stored.contents.sort((a, b) => a.content - b.content),
    ...(plan.snapshot.mechanism === 'dispatch' && {
      dispatched: tally.dispatched.toSorted((a, b) => a.relation - b.relation),
    }),
    failures: failed.map(({ content, error }) => ({
      ...(content === undefined ? {} : { content }),
      code: error.code,
      message: error.message,
    })),
  };
  const signal = AbortSignal.timeout(SEAL_MS_MAX);
  const key = formatKey({ kind: 'seal', timestamp: plan.timestamp });
  await store.create(key, encode(Seal, withMacs(seal, keys)), { signal });
  return failed;
}

/**
 * Proves the seal to a coordinator with the same digest key, and to holders of the set's key; that
 * of a conversion also as one of its original.
 */
export function withMacs(seal: Seal, keys: BackupKeys | undefined): Seal {
  if (keys === undefined) return seal;
  const { setKey, digestKey, originalKey } = keys;
  const converted =
    originalKey === undefined
      ? seal
      : { ...seal, originalMac: originalMac(originalKey, encode(Seal, seal)) };
  const own =
    digestKey === undefined
      ? converted
      : { ...converted, coordinatorMac: coordinatorMac(digestKey, encode(Seal, converted)) };
  return { ...own, mac: sealMac(setKey, encode(Seal, own)) };
}

async function storeParts(
  { store, plan, tally }: Pick<BackupRun, 'store' | 'plan' | 'tally'>,
  interrupted: AbortSignal,
) {
  const { timestamp } = plan;
  const contents: Seal['contents'] = [];
  const failures: Shipped['failures'][number][] = [];
  using limit = partsTimeout(interrupted);
  const storeOne = async (counted: ContentTally) => {
    const { content } = counted;
    try {
      const bytes = encode(SealPart, sealPartOf(timestamp, counted));
      const key = formatKey({ kind: 'seal-part', timestamp, content });
      await store.create(key, bytes, { signal: limit.signal }).catch((error: unknown) => {
        // Only this run writes here: an earlier attempt has stored the part and its answer was
        // lost.
        if (!isStowageError(error, 'storage/exists')) throw error;
      });
      contents.push({ content, part: digestOf(bytes) });
    } catch (error) {
      failures.push({ content, error: asStowageError(error) });
    }
  };
  await eachInFlight(tally.contents.values(), PARTS_AT_ONCE, storeOne);
  return { contents, failures };
}

/** Fires when the time for the parts is over: a long time, which an interruption shortens. */
function partsTimeout(interrupted: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const late = new AbortController();
  let timer = setTimeout(() => late.abort(), PARTS_MS_MAX);
  const listening = onAbort(interrupted, () => {
    clearTimeout(timer);
    timer = setTimeout(() => late.abort(), INTERRUPTED_PARTS_MS_MAX);
  });
  return {
    signal: late.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      listening[Symbol.dispose]();
    },
  };
}
