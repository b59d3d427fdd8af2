import { randomBytes } from 'node:crypto';
import { pause } from '../../async/poll.ts';
import {
  DOCUMENT_BYTES_MAX,
  decode,
  encode,
  FORMAT_VERSION,
} from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../backup-set/base/selection.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import { Outcome, RestoreRequest } from '../../backup-set/documents/restore.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Context } from '../context.ts';
import { duration } from '../output/format.ts';
import type { Check } from './check.ts';

const POLL_MS = 500;
/** No set can have this key, and every function must say so. */
const NO_SET = '19700101000000';

/**
 * Asks for a restore that must be refused, and waits for the outcome: it comes when events arrive, a function is called, and may
 * read, list and write, or when a sweeper looks. Two small documents stay under restores/.
 */
export async function checkTestRequest(
  { clock, signal }: Pick<Context, 'clock' | 'signal'>,
  store: ObjectStore,
  waitMs: number,
): Promise<Check> {
  const check = { of: 'functions', name: 'a request is answered' };
  const startedAt = clock();
  const restore = `${instantOf(startedAt)}-${randomBytes(4).toString('hex')}`;
  await store.create(
    formatKey({ kind: 'restore-request', restore }),
    requestOf(restore, startedAt),
    {
      signal,
    },
  );
  const outcome = await waitForOutcome(store, restore, {
    signal,
    until: startedAt.getTime() + waitMs,
    clock,
  });
  if (outcome === undefined) {
    const detail = `restores/${restore} has no outcome after ${duration(waitMs)}: do events reach a function, and what does its log say? A sweeper may need a longer --wait`;
    return { ...check, ok: false, detail };
  }
  const took = `after ${duration(clock().getTime() - startedAt.getTime())}`;
  if (outcome.status === 'refused')
    return {
      ...check,
      ok: true,
      detail: `${took}: a restore of no set was refused, as it must be`,
    };
  return {
    ...check,
    ok: false,
    detail: `${took}, by ${outcome.status}: a restore of no set must be refused`,
  };
}

function requestOf(id: string, at: Date): Uint8Array {
  return encode(RestoreRequest, {
    format: 'stowage/restore-request',
    version: FORMAT_VERSION,
    id,
    requestedAt: at.toISOString(),
    timestamp: NO_SET,
    target: {
      flavour: 'shards',
      database: 'doctor',
      contents: [{ content: 0, host: 'nowhere.invalid', port: 1 }],
    },
    selection: EVERYTHING,
    mode: 'fill',
    verify: true,
    globals: false,
    noOwner: false,
    resize: false,
    agents: false,
  });
}

async function waitForOutcome(
  store: ObjectStore,
  restore: string,
  { signal, until, clock }: { signal: AbortSignal; until: number; clock: () => Date },
): Promise<Outcome | undefined> {
  const key = formatKey({ kind: 'outcome', restore });
  for (;;) {
    signal.throwIfAborted();
    if ((await store.head(key, { signal })) !== undefined) {
      const bytes = await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX, signal });
      return decode(Outcome, { key, bytes });
    }
    if (clock().getTime() >= until) return undefined;
    await pause(POLL_MS, signal);
  }
}
