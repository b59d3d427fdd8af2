import { hostname } from 'node:os';
import { decode, encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import type { RetentionMark } from '../../backup-set/base/keys/more-keys.ts';
import { formatKey, parseKey, retentionPrefix } from '../../backup-set/base/keys.ts';
import { dateOf, instantOf } from '../../backup-set/base/timestamps.ts';
import { TOOL } from '../../backup-set/base/tool.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { Mark } from '../../backup-set/documents/retention/mark.ts';
import {
  heldSince,
  type RetentionState,
  readersOf,
  type StoredMark,
  stateOf,
} from '../../backup-set/retention/state.ts';
import type { Deps } from '../deps.ts';
import { listKeys, readDocument } from '../stored/load.ts';
import { tryRead } from '../stored/try-read.ts';
import { noteUnreadable } from '../stored/unreadable.ts';

/** Two marks of a kind in the same millisecond are plausible; a thousand are a bug. */
const COLLISIONS_MAX = 1000;

/** What the marks of a set say. */
export type Retention = RetentionState & {
  readonly marks: readonly StoredMark[];
  /** The hold in force; `why` is empty when its document cannot be read. */
  readonly held?: { readonly instant: string; readonly why: string };
};

const LIVING: Retention = { state: 'living', marks: [] };

/** The state of a set. One LIST for a set without marks. */
export async function retentionOf(deps: Deps, timestamp: string): Promise<Retention> {
  const marks = await listMarks(deps, timestamp);
  if (marks.length === 0) return LIVING;
  const endings = new Map<string, Mark['as']>();
  for (const { what, instant } of marks)
    if (what === 'ended')
      endings.set(instant, (await readMark(deps, timestamp, instant, what))?.as);
  const state = stateOf(marks, endings);
  const instant = heldSince(marks);
  if (instant === undefined) return { ...state, marks };
  const why = (await readHold(deps, timestamp, instant))?.why ?? '';
  return { ...state, marks, held: { instant, why } };
}

export async function listMarks(deps: Deps, timestamp: string): Promise<StoredMark[]> {
  const stored = await listKeys(deps, retentionPrefix(timestamp), ['retention']);
  return stored.flatMap(({ key: text, modifiedAt: storedAt }) => {
    const key = parseKey(text);
    return key?.kind === 'retention' ? [{ what: key.what, instant: key.instant, storedAt }] : [];
  });
}

/** Why a set is held. Its mark holds it, whether its document can be read or not. */
function readHold(deps: Deps, timestamp: string, instant: string): Promise<Mark | undefined> {
  const key = formatKey({ kind: 'retention', timestamp, instant, what: 'held' });
  return tryRead(deps, key, Mark);
}

/**
 * What the names of marks say, for a set of which the store withholds a mark. An `ended` may say
 * that the set is being removed, so it must not count in place of another set.
 */
export async function retentionByNames(deps: Deps, timestamp: string): Promise<Retention> {
  const marks = await listMarks(deps, timestamp);
  const instant = heldSince(marks);
  return { state: 'living', marks, ...(instant !== undefined && { held: { instant, why: '' } }) };
}

/** Undefined when it is missing or not valid. */
async function readMark(
  deps: Deps,
  timestamp: string,
  instant: string,
  what: RetentionMark,
): Promise<Mark | undefined> {
  const raw = await readDocument(deps, formatKey({ kind: 'retention', timestamp, instant, what }));
  if (raw === undefined) return undefined;
  try {
    return decode(Mark, raw);
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    noteUnreadable(deps, error, 'mark ignored, it cannot be read');
    return undefined;
  }
}

/**
 * Writes a mark with the store's time, or the next free millisecond. The newest of `held` and
 * `released` decides, so one of these is later than all marks of the set, whatever the clock says.
 * @returns its instant.
 */
export async function writeMark(
  deps: Deps,
  timestamp: string,
  what: 'expired' | 'held' | 'released' | 'reading',
  why: string,
): Promise<string> {
  let now = (await deps.store.now({ signal: deps.signal })).getTime();
  if (what === 'held' || what === 'released')
    for (const { instant } of await listMarks(deps, timestamp))
      now = Math.max(now, dateOf(instant).getTime() + 1);
  for (let later = 0; later < COLLISIONS_MAX; later += 1) {
    const instant = instantOf(new Date(now + later));
    if (await createMark(deps, timestamp, instant, { what, why })) return instant;
  }
  throw new StowageError('internal', `set ${timestamp}: no free key for a mark ${what}`, {
    where: { set: timestamp },
  });
}

/**
 * Ends a tombstone. Of several programs one decides.
 * @returns how it ended: as wanted, or as the first program decided.
 */
export async function endTombstone(
  deps: Deps,
  timestamp: string,
  instant: string,
  as: 'unexpired' | 'removal',
): Promise<Mark['as']> {
  if (await createMark(deps, timestamp, instant, { what: 'ended', as })) return as;
  return (await readMark(deps, timestamp, instant, 'ended'))?.as;
}

/** Ends a `reading`. */
export async function endReading(deps: Deps, timestamp: string, instant: string): Promise<void> {
  await createMark(deps, timestamp, instant, { what: 'read' });
}

/** The program and host, for people that read the documents. */
export const writer = () => `${TOOL} on ${hostname()}`;

/** @returns false when it exists. */
async function createMark(
  deps: Deps,
  timestamp: string,
  instant: string,
  fields: Pick<Mark, 'what' | 'why' | 'as'>,
): Promise<boolean> {
  const key = formatKey({ kind: 'retention', timestamp, instant, what: fields.what });
  const mark: Mark = {
    format: 'stowage/retention',
    version: FORMAT_VERSION,
    timestamp,
    at: deps.clock().toISOString(),
    by: writer(),
    ...fields,
  };
  try {
    await deps.store.create(key, encode(Mark, mark), { signal: deps.signal });
    return true;
  } catch (error) {
    if (!isStowageError(error, 'storage/exists')) throw error;
    return false;
  }
}

/** Readers that wrote `reading` and not `read`, and still write. */
export async function readingNow(deps: Deps, { marks }: Retention): Promise<boolean> {
  if (!marks.some(({ what }) => what === 'reading')) return false;
  return readersOf(marks, await deps.store.now({ signal: deps.signal })).length > 0;
}

/**
 * @throws StowageError `set/expired` when the set has a tombstone.
 */
export async function requireLiving(deps: Deps, timestamp: string): Promise<void> {
  const found = await retentionOf(deps, timestamp);
  if (found.state !== 'living') throw expiredError(timestamp, found);
}

/**
 * Called by each reader of a complete set after it has written its own document
 * (docs/design/0024-expiry.md). Looks for the manifest after the marks: it is the first object that
 * a removal removes, and the marks are the last.
 * @throws StowageError `set/expired` when the set has a tombstone, or is gone.
 */
export async function requireStillLiving(deps: Deps, timestamp: string): Promise<void> {
  await requireLiving(deps, timestamp);
  const manifest = formatKey({ kind: 'manifest', timestamp });
  if ((await deps.store.head(manifest, { signal: deps.signal })) === undefined)
    throw expiredError(timestamp, { state: 'removing' });
}

/** For a function: the problem that ends its work on an expired set; undefined for a living one. */
export async function expiredProblem(deps: Deps, timestamp: string): Promise<Problem | undefined> {
  const found = await retentionOf(deps, timestamp);
  if (found.state === 'living') return undefined;
  return { code: 'set-expired', message: expiredText(timestamp, found) };
}

/** What an operator reads when a set has a tombstone. */
export function expiredText(timestamp: string, { state }: Pick<Retention, 'state'>): string {
  return state === 'removing'
    ? `set ${timestamp} has been removed`
    : `set ${timestamp} has expired and will be removed`;
}

export function expiredError(timestamp: string, found: Pick<Retention, 'state'>): StowageError {
  return new StowageError('set/expired', expiredText(timestamp, found), {
    where: { set: timestamp },
  });
}
