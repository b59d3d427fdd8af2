import { randomBytes } from 'node:crypto';
import { poll } from '../../async/poll.ts';
import {
  DOCUMENT_BYTES_MAX,
  decode,
  encode,
  FORMAT_VERSION,
} from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../backup-set/base/selection.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import { Outcome, RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Context } from '../context.ts';
import { duration } from '../output/format.ts';
import type { Check } from './check.ts';

const POLL_MS = 500;
/** No set has this timestamp, so every working function refuses to restore it. */
export const NO_SET = '19700101000000';

/**
 * Requests a restore that must be refused, and waits for the outcome. An outcome proves that events
 * reach a function (or that a sweeper runs), and that it may read, list and write. Two small
 * documents stay under restores/.
 */
export async function checkTestRequest(
  { clock, signal }: Pick<Context, 'clock' | 'signal'>,
  store: ObjectStore,
  waitMs: number,
): Promise<Check> {
  const check = { of: 'functions', name: 'a test request is answered' };
  const startedAt = clock();
  const restore = `${instantOf(startedAt)}-${randomBytes(4).toString('hex')}`;
  await store.create(
    formatKey({ kind: 'restore-request', restore }),
    requestOf(restore, startedAt),
    { signal },
  );
  const outcome = await poll(() => readOutcome(store, restore, signal), {
    everyMs: POLL_MS,
    timeoutMs: waitMs,
    signal,
    now: () => clock().getTime(),
  });
  if (outcome === undefined) {
    const detail = `no function answered the test request restores/${restore} within ${duration(waitMs)}. Check that \`stowage serve\` or the deployed functions run for this root, that events reach them, and their log. Where only a sweeper runs, use a longer --wait`;
    return { ...check, ok: false, detail };
  }
  const took = duration(clock().getTime() - startedAt.getTime());
  const request = 'the test request (a restore of a set that does not exist)';
  return outcome.status === 'refused'
    ? { ...check, ok: true, detail: `${request} was refused after ${took}, as expected` }
    : {
        ...check,
        ok: false,
        detail: `${request} ended as "${outcome.status}" after ${took}; it must be refused. Check the versions of the functions`,
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
    count: false,
  });
}

async function readOutcome(
  store: ObjectStore,
  restore: string,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const key = formatKey({ kind: 'outcome', restore });
  if ((await store.head(key, { signal })) === undefined) return undefined;
  const bytes = await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX, signal });
  return decode(Outcome, { key, bytes });
}
