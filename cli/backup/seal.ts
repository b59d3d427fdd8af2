import { eachInFlight } from '../../async/each-in-flight.ts';
import { digestOf, encode, FORMAT_VERSION, sha256 } from '../../backup-set/base/document.ts';
import { asStowageError, isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import { Seal, SealPart } from '../../backup-set/documents/seal.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Shipped } from './ship.ts';
import { type ContentTally, sealPartOf, type Tally } from './tally.ts';

const PARTS_AT_ONCE = 16;
/** Parts of a thousand contents with ten thousand tables each are half a gigabyte. */
const PARTS_MS_MAX = 15 * 60_000;
/** Storing the seal is the last thing even of an interrupted run; it and its parts get their own, short, time. */
const HURRIED_PARTS_MS_MAX = 20_000;
const SEAL_MS_MAX = 30_000;

/**
 * Writes what the database counted, or why it could not: first a part per content, then the seal that names them. After this
 * nobody has to wait for the set. A part that cannot be stored makes the backup a failed one.
 * @returns what the seal says has failed.
 */
export async function storeSeal(
  store: ObjectStore,
  plan: Plan,
  tally: Tally,
  { failures }: Shipped,
  clock: () => Date,
  interrupted: AbortSignal,
): Promise<Shipped['failures']> {
  const stored = await storeParts(
    store,
    plan,
    tally,
    failures.length > 0 ? AbortSignal.abort() : interrupted,
  );
  // Of a backup that has failed already, parts that did not make it in time are no news: the fold names their contents.
  const failed = failures.length > 0 ? failures : stored.failures;
  const seal: Seal = {
    format: 'stowage/seal',
    version: FORMAT_VERSION,
    timestamp: plan.timestamp,
    sealedAt: clock().toISOString(),
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
  await store.create(formatKey({ kind: 'seal', timestamp: plan.timestamp }), encode(Seal, seal), {
    signal,
  });
  return failed;
}

async function storeParts(
  store: ObjectStore,
  { timestamp }: Plan,
  tally: Tally,
  interrupted: AbortSignal,
) {
  const contents: Seal['contents'] = [];
  const failures: Shipped['failures'][number][] = [];
  const limit = limitOf(interrupted);
  const storeOne = async (counted: ContentTally) => {
    const { content } = counted;
    try {
      const bytes = encode(SealPart, sealPartOf(timestamp, counted));
      await storePart(
        store,
        formatKey({ kind: 'seal-part', timestamp, content }),
        bytes,
        limit.signal,
      );
      contents.push({ content, part: digestOf(bytes) });
    } catch (error) {
      failures.push({ content, error: asStowageError(error) });
    }
  };
  try {
    await eachInFlight(tally.contents.values(), PARTS_AT_ONCE, storeOne);
  } finally {
    limit.lift();
  }
  return { contents, failures };
}

async function storePart(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  try {
    await store.create(key, bytes, { signal });
  } catch (error) {
    // The set is ours alone: an earlier try of ours has stored it, and its answer was lost. The seal pins the bytes.
    if (!isStowageError(error, 'storage/exists')) throw error;
  }
}

/** Fires when the time for the parts is over: a long one, that an interruption cuts short. */
function limitOf(interrupted: AbortSignal) {
  const late = new AbortController();
  let timer = setTimeout(() => late.abort(), PARTS_MS_MAX);
  const hurry = () => {
    clearTimeout(timer);
    timer = setTimeout(() => late.abort(), HURRIED_PARTS_MS_MAX);
  };
  interrupted.addEventListener('abort', hurry, { once: true });
  if (interrupted.aborted) hurry();
  return {
    signal: late.signal,
    lift() {
      clearTimeout(timer);
      interrupted.removeEventListener('abort', hurry);
    },
  };
}
