import { randomBytes } from 'node:crypto';
import { mapInFlight } from '../../async/each-in-flight.ts';
import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { REQUESTS } from '../../backup-set/base/keys/request-keys.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { dateOf, instantOf, RestoreId } from '../../backup-set/base/timestamps.ts';
import {
  AskedEnd,
  AskedRestore,
  AskedStart,
  type RestoreChoice,
} from '../../backup-set/documents/restore/asked.ts';
import { Outcome } from '../../backup-set/documents/restore/restore.ts';
import type { Deps } from '../deps.ts';
import { READS_IN_FLIGHT } from '../stored/load.ts';
import { tryRead } from '../stored/try-read.ts';
import { apart } from '../stored/unreadable.ts';
import { isProven, isProvenRun, type OwnRequest, proofOf, withRunProof } from './proof.ts';

/** What the documents of a request say. */
export interface RequestSummary {
  readonly id: string;
  readonly state: RequestState;
  /** Undefined = it cannot be read. */
  readonly asked: AskedRestore | undefined;
  readonly start: AskedStart | undefined;
  readonly end: AskedEnd | undefined;
}

/**
 * `started`: a command has taken it, and its restore has no end yet. `lost`: a command took it and
 * died before its restore began.
 */
export type RequestState =
  | 'waiting'
  | 'expired'
  | 'started'
  | 'lost'
  | 'restored'
  | 'failed'
  | 'refused'
  | 'unreadable';

/**
 * As a reader shows it that has the token. `forged`: its proof does not fit. `unproven`: that of a
 * document about its run does not, so nothing says what became of it.
 */
export type ShownState = RequestState | 'forged' | 'unproven';

export interface NewRequest {
  readonly choice: RestoreChoice;
  readonly by: string;
  readonly token: string;
  readonly expireMs: number;
}

/** Writes a request with its proof. Times are the store's. */
export async function createRequest(deps: Deps, wanted: NewRequest): Promise<AskedRestore> {
  const { choice, by, token, expireMs } = wanted;
  const now = await deps.store.now({ signal: deps.signal });
  const unproven = {
    format: 'stowage/asked-restore',
    version: FORMAT_VERSION,
    id: `${instantOf(now)}-${randomBytes(4).toString('hex')}`,
    root: deps.store.url,
    requestedAt: now.toISOString(),
    expiresAt: new Date(now.getTime() + expireMs).toISOString(),
    by,
    ...choice,
  } as const;
  const asked: AskedRestore = { ...unproven, hmac: proofOf(unproven, token) };
  const key = formatKey({ kind: 'asked-restore', restore: asked.id });
  await deps.store.create(key, encode(AskedRestore, asked), { signal: deps.signal });
  return asked;
}

/** Ids of requests, newest first. One LIST. */
export async function requestIds({ store, signal }: Deps): Promise<string[]> {
  const folders = await Array.fromAsync(store.listPrefixes(REQUESTS, { signal }));
  return folders
    .map((folder) => folder.slice(0, -1))
    .filter((id) => RestoreId.safeParse(id).success)
    .sort()
    .reverse();
}

/** The newest requests, newest first: three GETs each. */
export async function describeRequests(deps: Deps, most: number): Promise<RequestSummary[]> {
  const all = await requestIds(deps);
  if (all.length === 0) return [];
  const now = await deps.store.now({ signal: deps.signal });
  const ids = all.filter((id) => !isOfFuture(id, now)).slice(0, most);
  const found = await mapInFlight(ids, READS_IN_FLIGHT, (id) => describe(deps, id, now));
  return found.filter((one) => one !== undefined);
}

/** None was made then: a writer of the bucket must not push the requests out of sight. */
const isOfFuture = (id: string, now: Date) => timeOf(id) > now.getTime() + SKEW_MS_MAX;

const timeOf = (id: string) => dateOf(id.slice(0, 17)).getTime();
const SKEW_MS_MAX = 3_600_000;

/** Undefined = there is no such request. */
export async function describeRequest(deps: Deps, id: string): Promise<RequestSummary | undefined> {
  return describe(deps, id, await deps.store.now({ signal: deps.signal }));
}

async function describe(deps: Deps, id: string, now: Date): Promise<RequestSummary | undefined> {
  let isWrong = false;
  const onUnreadable = () => {
    isWrong = true;
  };
  const key = formatKey({ kind: 'asked-restore', restore: id });
  const asked = await tryRead(deps, key, AskedRestore, onUnreadable);
  if (asked === undefined && !isWrong) return undefined;
  const keyOf = (kind: 'asked-restore-start' | 'asked-restore-end') =>
    formatKey({ kind, restore: id });
  const [start, end] = await Promise.all([
    tryRead(deps, keyOf('asked-restore-start'), AskedStart, onUnreadable),
    tryRead(deps, keyOf('asked-restore-end'), AskedEnd, onUnreadable),
  ]);
  // A document that was copied below another id is none.
  const own = asked?.id === id ? asked : undefined;
  // A request whose start cannot be read was taken: it does not wait.
  if (isWrong) return { id, asked: own, start, end, state: 'unreadable' };
  const state = stateOf({ asked: own, start, end }, now);
  if (state !== 'started' || start === undefined) return { id, asked: own, start, end, state };
  const open = await apart(
    deps,
    `what became of request ${id} cannot be read`,
    () => openState(deps, id, start, now),
    () => 'unreadable' as const,
  );
  return { id, asked: own, start, end, state: open };
}

/** A restore begins so long after its request was taken, at most. */
const BEGIN_MS_MAX = 600_000;

/** Of a request that was taken and has no end: its command works, or has died. */
async function openState(
  deps: Deps,
  id: string,
  { startedAt }: AskedStart,
  now: Date,
): Promise<RequestState> {
  if (now.getTime() - Date.parse(startedAt) < BEGIN_MS_MAX) return 'started';
  // Its command died between the outcome and the end, or is about to write the end.
  const outcome = await tryRead(deps, formatKey({ kind: 'outcome', restore: id }), Outcome);
  if (outcome !== undefined) return outcome.status;
  const key = formatKey({ kind: 'restore-request', restore: id });
  const hasBegun = (await deps.store.head(key, { signal: deps.signal })) !== undefined;
  return hasBegun ? 'started' : 'lost';
}

function stateOf(
  { asked, start, end }: Pick<RequestSummary, 'asked' | 'start' | 'end'>,
  now: Date,
): RequestState {
  if (asked === undefined) return 'unreadable';
  if (end !== undefined) return end.status;
  if (start !== undefined) return 'started';
  return Date.parse(asked.expiresAt) <= now.getTime() ? 'expired' : 'waiting';
}

/** @param token undefined = the proof cannot be checked here. */
export function shownState(
  found: Pick<RequestSummary, 'asked' | 'start' | 'end' | 'state'>,
  token: string | undefined,
): ShownState {
  const { asked, state } = found;
  if (asked === undefined || token === undefined) return state;
  if (!isProven(asked, token)) return 'forged';
  return unprovenRun(found, { asked, token }) === undefined ? state : 'unproven';
}

/** The key of a document that says that a request was taken, or has ended, without its proof. */
export function unprovenRun(
  { start, end }: Pick<RequestSummary, 'start' | 'end'>,
  own: OwnRequest,
): string | undefined {
  const restore = own.asked.id;
  if (start !== undefined && !isProvenRun(start, own))
    return formatKey({ kind: 'asked-restore-start', restore });
  if (end !== undefined && !isProvenRun(end, own))
    return formatKey({ kind: 'asked-restore-end', restore });
  return undefined;
}

/** Ids of requests of the last `ms`, newest first, whatever became of them. One LIST. */
export async function recentIds(deps: Deps, ms: number): Promise<string[]> {
  const now = await deps.store.now({ signal: deps.signal });
  const since = now.getTime() - ms;
  const ids = await requestIds(deps);
  return ids.filter((id) => timeOf(id) > since && !isOfFuture(id, now));
}

/**
 * Takes a request: of all commands one succeeds.
 * @throws StowageError `request/refused` when another has taken it.
 */
export async function startRequest(deps: Deps, own: OwnRequest, by: string): Promise<void> {
  const { id } = own.asked;
  const unproven: AskedStart = {
    format: 'stowage/asked-restore-start',
    version: FORMAT_VERSION,
    id,
    startedAt: deps.clock().toISOString(),
    by,
  };
  const start = withRunProof(unproven, own);
  const key = formatKey({ kind: 'asked-restore-start', restore: id });
  try {
    await deps.store.create(key, encode(AskedStart, start), { signal: deps.signal });
  } catch (error) {
    if (!isStowageError(error, 'storage/exists')) throw error;
    throw new StowageError('request/refused', `another command has taken request ${id}`, {
      where: { object: key },
    });
  }
}

/** Says how a request ended. An end that exists stays. @returns false: one exists. */
export async function endRequest(
  deps: Deps,
  own: OwnRequest,
  end: Omit<AskedEnd, 'format' | 'version' | 'id' | 'endedAt' | 'hmac'>,
): Promise<boolean> {
  const { id } = own.asked;
  const unproven: AskedEnd = {
    format: 'stowage/asked-restore-end',
    version: FORMAT_VERSION,
    id,
    endedAt: deps.clock().toISOString(),
    ...end,
  };
  const document = withRunProof(unproven, own);
  const key = formatKey({ kind: 'asked-restore-end', restore: id });
  try {
    await deps.store.create(key, encode(AskedEnd, document), { signal: deps.signal });
    return true;
  } catch (error) {
    if (!isStowageError(error, 'storage/exists')) throw error;
    return false;
  }
}
