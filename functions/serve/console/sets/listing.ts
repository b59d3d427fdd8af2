import { eachInFlight } from '../../../../async/each-in-flight.ts';
import { isStowageError, messageOf } from '../../../../backup-set/base/errors.ts';
import { formatKey, setPrefix } from '../../../../backup-set/base/keys.ts';
import { isEverything } from '../../../../backup-set/base/selection.ts';
import { describeProblem, type Verdict } from '../../../../backup-set/base/verdict.ts';
import { describeWarning } from '../../../../backup-set/unusual/warnings.ts';
import type { Deps } from '../../../deps.ts';
import { newestLockRecord } from '../../../lock/record.ts';
import { retentionOf } from '../../../retention/marks.ts';
import { retentionText, statusOf } from '../../../sets/status.ts';
import { verdictInForce } from '../../../stored/judgement.ts';
import { newestVerdict, READS_IN_FLIGHT, verdictKeys } from '../../../stored/load.ts';
import { newestSets } from '../../../stored/newest.ts';
import { arrivalsUnder, OVERDUE_AFTER_SECONDS } from '../../../stored/overdue.ts';
import { apart } from '../../../stored/unreadable.ts';
import type { ConsoleSet, SetState } from '../api.ts';
import { type HeadOf, readHead } from './head.ts';

/** The sets that a page shows; older ones are counted. */
export const SETS_MAX = 500;
const PROBLEMS_SHOWN = 5;
const TEXT_CHARS_MAX = 600;

type Head = HeadOf<'manifest'> | HeadOf<'plan'>;

/** The sets under a root, as far as they are read. */
export interface SetListing {
  /** Newest first. */
  sets(): ConsoleSet[];
  readonly leftOut: number;
  readonly reading: number;
  /** Resolves when the names of the sets are known for the first time. */
  readonly listed: Promise<void>;
  /**
   * Looks at every set again. `now` is the store's time.
   * @throws StowageError when the store refuses.
   */
  refresh(now: Date): Promise<void>;
}

export function listSets(deps: Deps): SetListing {
  const heads = new Map<string, Head>();
  let found = new Map<string, ConsoleSet>();
  let timestamps: readonly string[] = [];
  let leftOut = 0;
  const listed = Promise.withResolvers<void>();

  async function lookAt(timestamp: string, now: Date): Promise<ConsoleSet | undefined> {
    const { signal, store } = deps;
    const retention = await retentionOf(deps, timestamp);
    if (retention.state === 'removing') return undefined;
    const manifest = await store.head(formatKey({ kind: 'manifest', timestamp }), { signal });
    const kind = manifest === undefined ? 'plan' : 'manifest';
    const stored =
      manifest ?? (await store.head(formatKey({ kind: 'plan', timestamp }), { signal }));
    const arrivals =
      manifest === undefined ? await arrivalsUnder(deps, setPrefix(timestamp)) : undefined;
    if (arrivals !== undefined && !arrivals.isSet) return undefined;
    let unreadable: string | undefined;
    // An object that was damaged since has another tag.
    const place = `${stored?.etag ?? stored?.bytes} ${kind} ${timestamp}`;
    let head = heads.get(place);
    if (head === undefined && stored !== undefined) {
      try {
        head = await readHead(deps, timestamp, kind, stored);
        heads.set(place, head);
      } catch (error) {
        if (!isStowageError(error, 'set/unreadable', 'storage/too-large')) throw error;
        unreadable = messageOf(error);
      }
    }
    const isCommitted = manifest !== undefined;
    const keys = await verdictKeys(deps, timestamp);
    const verdict = await verdictInForce(deps, timestamp, { isCommitted, keys });
    const verified = await newestVerdict(deps, timestamp, 'verify', keys);
    const validated = await newestVerdict(deps, timestamp, 'validate', keys);
    const lock = isCommitted ? await newestLockRecord(deps, timestamp) : undefined;
    const document = kind === 'manifest' ? head : undefined;
    const status = statusOf({ exists: isCommitted, document }, verdict);
    const state =
      status === 'open' && isOverdue(now, arrivals?.last, head) ? ('overdue' as const) : status;
    const marks = retentionText(retention);
    return {
      ...describeHead(timestamp, state, head),
      ...describeVerdict(verdict),
      ...describeWarnings(validated),
      ...(verified?.status === 'complete' && {
        verifiedAt: verified.at,
        ...(verified.decrypted === false && { verifiedKeyless: true as const }),
      }),
      ...(marks?.state === 'living' && { held: marks.held }),
      ...(marks?.state === 'expired' && { expiredSince: marks.since }),
      ...(lock && { lock: { until: lock.until, status: lock.status } }),
      ...(arrivals?.last && { lastArrival: arrivals.last.toISOString() }),
      ...(unreadable !== undefined && { unreadable: unreadable.slice(0, TEXT_CHARS_MAX) }),
    };
  }

  return {
    listed: listed.promise,
    sets() {
      const sets = timestamps.flatMap((timestamp) => found.get(timestamp) ?? []);
      const damaged = sets.filter(({ state }) => state === 'damaged');
      return sets.map((set) => ({ ...set, usesDamaged: damagedNeeds(set, damaged) }));
    },
    get leftOut() {
      return leftOut;
    },
    get reading() {
      return timestamps.filter((timestamp) => !found.has(timestamp)).length;
    },
    async refresh(now) {
      const all = await Array.fromAsync(newestSets(deps));
      const shown = all.slice(0, SETS_MAX);
      leftOut = all.length - shown.length;
      const kept = new Set(shown);
      found = new Map([...found].filter(([timestamp]) => kept.has(timestamp)));
      for (const key of heads.keys()) if (!kept.has(key.slice(-14))) heads.delete(key);
      timestamps = shown;
      listed.resolve();
      const gone = new Set<string>();
      await eachInFlight(shown, READS_IN_FLIGHT, async (timestamp) => {
        const what = `set ${timestamp} cannot be shown`;
        const set = await apart<ConsoleSet | undefined>(
          deps,
          what,
          () => lookAt(timestamp, now),
          ({ message }) => unreadableSet(timestamp, message),
        );
        if (set === undefined) gone.add(timestamp);
        else found.set(timestamp, set);
      });
      for (const timestamp of gone) found.delete(timestamp);
      timestamps = shown.filter((timestamp) => !gone.has(timestamp));
    },
  };
}

function isOverdue(now: Date, last: Date | undefined, head: Head | undefined): boolean {
  const seconds =
    head !== undefined && 'overdueAfterSeconds' in head
      ? head.overdueAfterSeconds
      : OVERDUE_AFTER_SECONDS;
  return last !== undefined && now.getTime() - last.getTime() > seconds * 1000;
}

/** Damaged sets whose packs it may use, unless every byte of it was found whole since. */
function damagedNeeds(set: ConsoleSet, damaged: readonly ConsoleSet[]): string[] {
  return damaged
    .filter(({ timestamp }) => timestamp !== set.timestamp && set.needs.includes(timestamp))
    .filter(({ checked }) => (set.verifiedAt ?? '') <= (checked?.at ?? ''))
    .map(({ timestamp }) => timestamp);
}

/** Its state is not known: the store withholds an object that says it. */
function unreadableSet(timestamp: string, message: string): ConsoleSet {
  return {
    ...describeHead(timestamp, 'unknown', undefined),
    ...describeVerdict(undefined),
    ...describeWarnings(undefined),
    unreadable: message.slice(0, TEXT_CHARS_MAX),
  };
}

function describeHead(timestamp: string, state: SetState, head: Head | undefined) {
  const manifest = head !== undefined && 'sealedAt' in head ? head : undefined;
  const totals = manifest?.totals;
  return {
    timestamp,
    state,
    cluster: head?.cluster ?? '',
    database: head?.database ?? '',
    flavour: head?.flavour ?? '',
    tool: head?.tool ?? '',
    ...(head?.source && { source: head.source.tool }),
    ...(head && { startedAt: head.startedAt }),
    ...(manifest && { sealedAt: manifest.sealedAt }),
    ...(totals && {
      contents: totals.contents,
      relations: totals.relations,
      rows: totals.rows,
      bytes: totals.bytes,
      storedBytes: totals.usedBytes ?? totals.storedBytes,
      newBytes: totals.newBytes ?? totals.storedBytes,
    }),
    tags: head?.tags ?? [],
    ...(head?.group && { group: head.group.id }),
    chosen: head !== undefined && !isEverything(head.selection),
    ...(head?.encryption && { encrypted: true as const }),
    ...(head?.base && { base: head.base.timestamp }),
    needs: manifest?.needs ?? [],
    usesDamaged: [],
  };
}

function describeVerdict(verdict: Verdict | undefined) {
  return {
    ...(verdict && { checked: { level: verdict.level, at: verdict.at } }),
    problemsTotal: verdict?.problemsTotal ?? 0,
    problems: bounded((verdict?.problems ?? []).map(describeProblem)),
  };
}

/** A later `verify` says nothing about what is unusual. */
function describeWarnings(validated: Verdict | undefined) {
  return {
    warnings: bounded((validated?.warnings ?? []).map(describeWarning)),
    warningsTotal: validated?.warningsTotal ?? 0,
  };
}

const bounded = (texts: readonly string[]) =>
  texts.slice(0, PROBLEMS_SHOWN).map((text) => text.slice(0, TEXT_CHARS_MAX));
