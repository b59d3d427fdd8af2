import { formatKey, parseKey } from '../../backup-set/base/keys.ts';
import { dateOf } from '../../backup-set/base/timestamps.ts';
import { describeProblem, Verdict } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import type { Deps } from '../deps.ts';
import { type HiddenVerdict, hiddenVerdict, isPast } from '../stored/judgement.ts';
import { verdictKeys } from '../stored/load.ts';
import { tryRead } from '../stored/try-read.ts';
import { PROBLEMS_IN_EVENT } from './events.ts';

/** What an observer keeps of a verdict. */
export interface SeenVerdict {
  readonly key: string;
  readonly instant: string;
  readonly level: Verdict['level'];
  readonly status: Verdict['status'];
  /** Of a `verify` of an encrypted set. */
  readonly decrypted?: boolean;
  readonly problemsTotal: number;
  readonly problems: readonly string[];
  /** What is unusual about the set; it does not change the status. */
  readonly warningsTotal: number;
  readonly warnings: readonly string[];
}

/** What an observer keeps of a manifest. */
export interface SetFacts {
  readonly cluster: string;
  readonly database: string;
  readonly startedAt: Date;
  readonly ms: number;
  readonly tables: number;
  /** Tables that were read; less than `tables` where witnesses proved the others unchanged. */
  readonly readTables: number;
  readonly rows: number;
  readonly bytes: number;
  readonly storedBytes: number;
  /** Bytes of the objects in the set's own folder. */
  readonly newBytes: number;
  readonly encrypted?: true;
}

export interface SeenSet {
  readonly timestamp: string;
  /** Oldest first. */
  readonly verdicts: readonly SeenVerdict[];
  /** Absent while the set has no manifest, or its manifest cannot be read. */
  readonly facts?: SetFacts | undefined;
  /** A document of it cannot be read. */
  readonly isPartly?: true;
  /** A verdict that cannot be read may have found damage: the set does not count as complete. */
  readonly isInDoubt?: true;
  /** Of a set without facts. */
  readonly planned?: { readonly cluster: string; readonly database: string } | undefined;
}

/** Reads what is new of a set: a LIST, and a GET per new verdict; the manifest once. */
export async function lookAgain(
  given: Deps,
  timestamp: string,
  known: SeenSet | undefined,
): Promise<SeenSet> {
  let isPartly = false;
  const hidden: HiddenVerdict[] = [];
  const deps: Deps = {
    ...given,
    onUnreadable(found) {
      isPartly = true;
      hidden.push(...hiddenVerdict(found));
      given.onUnreadable?.(found);
    },
  };
  const seen = new Map(known?.verdicts.map((verdict) => [verdict.key, verdict]));
  const verdicts: SeenVerdict[] = [];
  for (const key of await verdictKeys(deps, timestamp)) {
    const verdict = seen.get(key) ?? seenVerdict(key, await tryRead(deps, key, Verdict));
    if (verdict !== undefined) verdicts.push(verdict);
  }
  const hasManifest = verdicts.some(({ level }) => level !== 'stitch');
  const facts = known?.facts ?? (hasManifest ? await readFacts(deps, timestamp) : undefined);
  const unread = facts === undefined && verdicts.length > 0;
  const plan =
    unread && known?.planned === undefined
      ? await tryRead(deps, formatKey({ kind: 'plan', timestamp }), Plan)
      : undefined;
  const planned = known?.planned ?? (plan && { cluster: plan.cluster, database: plan.database });
  return {
    ...{ timestamp, verdicts, facts },
    ...(planned && { planned }),
    ...((isPartly as boolean) && { isPartly: true as const }),
    ...(hidden.some((one) => !isAnswered(one, verdicts)) && { isInDoubt: true as const }),
  };
}

const isAnswered = (one: HiddenVerdict, verdicts: readonly SeenVerdict[]) =>
  verdicts.some(({ status, level, instant }) =>
    isPast(one, { status, level, at: dateOf(instant).toISOString() }),
  );

function seenVerdict(key: string, verdict: Verdict | undefined): SeenVerdict | undefined {
  const parsed = parseKey(key);
  if (verdict === undefined || parsed?.kind !== 'verdict') return undefined;
  const { level, status, problemsTotal, problems, warnings, warningsTotal = 0 } = verdict;
  return {
    key,
    instant: parsed.instant,
    level,
    status,
    ...(verdict.decrypted !== undefined && { decrypted: verdict.decrypted }),
    problemsTotal,
    problems: problems.slice(0, PROBLEMS_IN_EVENT).map(describeProblem),
    warningsTotal,
    warnings: (warnings ?? []).slice(0, PROBLEMS_IN_EVENT).map(({ message }) => message),
  };
}

/** The numbers of a committed set; undefined when its manifest is gone or cannot be read. */
export async function readFacts(deps: Deps, timestamp: string): Promise<SetFacts | undefined> {
  const manifest = await tryRead(deps, formatKey({ kind: 'manifest', timestamp }), Manifest);
  return manifest && factsOfManifest(manifest);
}

export function factsOfManifest(manifest: Manifest): SetFacts {
  const { cluster, database, startedAt, sealedAt, totals } = manifest;
  return {
    cluster,
    database,
    startedAt: new Date(startedAt),
    ms: Math.max(0, Date.parse(sealedAt) - Date.parse(startedAt)),
    tables: totals.relations,
    readTables: totals.readRelations ?? totals.relations,
    rows: totals.rows,
    bytes: totals.bytes,
    storedBytes: totals.storedBytes,
    newBytes: totals.newBytes ?? totals.storedBytes,
    ...(manifest.encryption && { encrypted: true as const }),
  };
}
