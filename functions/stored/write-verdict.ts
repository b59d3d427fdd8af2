import { decode, encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { ProblemList } from '../../backup-set/base/problems.ts';
import { dateOf, instantOf } from '../../backup-set/base/timestamps.ts';
import type { DrillFacts } from '../../backup-set/base/verdict/drill-facts.ts';
import { boundedProblems, type ProvenObject, Verdict } from '../../backup-set/base/verdict.ts';
import { plural } from '../../backup-set/base/words.ts';
import { boundedWarnings, type WarningList } from '../../backup-set/unusual/warnings.ts';
import type { Deps } from '../deps.ts';
import { newestVerdict, verdictKeys, verdictLevel } from './load.ts';
import { createOrRead } from './save.ts';

/** The result of a check: a verdict without its time. */
export interface Finding extends ProblemList {
  readonly status: Verdict['status'];
  readonly checked: Verdict['checked'];
  readonly proven?: readonly ProvenObject[];
  /** Of `validate`. Absent = the set was not compared with older sets. */
  readonly unusual?: WarningList;
  /** Level `verify`, of an encrypted set: whether rows were decrypted and counted. */
  readonly decrypted?: boolean;
  /** Level `drill`. */
  readonly drill?: DrillFacts;
}

export const NOTHING_CHECKED: Verdict['checked'] = { objects: 0, bytes: 0 };

/** Two verdicts on one set in the same millisecond are plausible; a thousand are a bug. */
const COLLISIONS_MAX = 1000;

export function verdictOf(
  timestamp: string,
  level: Verdict['level'],
  finding: Finding,
  at: Date,
): Verdict {
  return {
    format: 'stowage/verdict',
    version: FORMAT_VERSION,
    timestamp,
    level,
    at: at.toISOString(),
    status: finding.status,
    checked: finding.checked,
    ...(finding.proven?.length && { proven: [...finding.proven] }),
    ...(finding.decrypted !== undefined && { decrypted: finding.decrypted }),
    ...(finding.drill && { drill: finding.drill }),
    ...boundedProblems(finding.problems),
    problemsTotal: finding.problemsTotal,
    ...(finding.unusual && boundedWarnings(finding.unusual)),
  };
}

/**
 * Writes a verdict with the store's time, or with the next millisecond that has none yet. The
 * newest verdict counts, so the clocks of several hosts must not give the times.
 */
export async function writeVerdict(
  deps: Deps,
  timestamp: string,
  level: Verdict['level'],
  finding: Finding,
): Promise<{ key: string; verdict: Verdict }> {
  const now = (await deps.store.now({ signal: deps.signal })).getTime();
  for (let later = 0; later < COLLISIONS_MAX; later += 1) {
    const at = new Date(now + later);
    const key = formatKey({ kind: 'verdict', timestamp, instant: instantOf(at), level });
    const { writer } = deps;
    const verdict = { ...verdictOf(timestamp, level, finding, at), ...(writer && { writer }) };
    try {
      await deps.store.create(key, encode(Verdict, verdict), { signal: deps.signal });
      const { status, problemsTotal, warningsTotal: warnings } = verdict;
      const counts = { problems: problemsTotal, ...(warnings && { warnings }) };
      deps.log.info({ set: timestamp, level, status, ...counts }, 'verdict written');
      return { key, verdict };
    } catch (error) {
      if (!isStowageError(error, 'storage/exists')) throw error;
    }
  }
  throw new StowageError(
    'internal',
    `set ${timestamp}: cannot write a verdict, the next ${plural(COLLISIONS_MAX, 'key')} exist already`,
    { where: { set: timestamp } },
  );
}

/** Writes a verdict with a given time, so that repeated calls write one; the first call decides. */
export async function writeVerdictAt(
  deps: Deps,
  timestamp: string,
  level: Verdict['level'],
  finding: Finding,
  instant: string,
): Promise<{ key: string; verdict: Verdict }> {
  const key = formatKey({ kind: 'verdict', timestamp, instant, level });
  const ours = verdictOf(timestamp, level, finding, dateOf(instant));
  const { created, bytes } = await createOrRead(deps, key, encode(Verdict, ours));
  const { status, problemsTotal } = ours;
  if (created)
    deps.log.info({ set: timestamp, level, status, problems: problemsTotal }, 'verdict written');
  return { key, verdict: created ? ours : decode(Verdict, { key, bytes }) };
}

/** As `writeVerdict`, unless the newest verdict of the level is the same. @returns written keys. */
export async function writeVerdictIfChanged(
  deps: Deps,
  timestamp: string,
  level: Verdict['level'],
  finding: Finding,
): Promise<string[]> {
  const newest = await newestVerdict(deps, timestamp, level);
  if (newest !== undefined && isSame(newest, finding)) return [];
  return [(await writeVerdict(deps, timestamp, level, finding)).key];
}

/**
 * What the check before a restore has found, as a verdict of `validate`. It compares the set with
 * no older ones, so it must not replace a validation that found the same. What a verdict has said
 * about older sets is repeated. @returns written keys.
 */
export async function writeValidationIfNew(
  deps: Deps,
  timestamp: string,
  finding: Omit<Finding, 'unusual'>,
): Promise<string[]> {
  const keys = await verdictKeys(deps, timestamp);
  const isValidated = keys.some((key) => verdictLevel(key) === 'validate');
  // The validation is still to come: the sweeper leaves it out for a set that has its verdict.
  if (!isValidated && finding.status === 'complete') return [];
  const newest = await newestVerdict(deps, timestamp, 'validate', keys);
  if (newest !== undefined && isSame(newest, finding) && hasProofs(newest, finding)) return [];
  const { compared, warnings = [], warningsTotal } = newest ?? {};
  const unusual = {
    ...(compared && { compared }),
    warnings,
    ...(warningsTotal && { warningsTotal }),
  };
  return [(await writeVerdict(deps, timestamp, 'validate', { ...finding, unusual })).key];
}

/** Whether the next check need not read again what this one has read. */
function hasProofs(verdict: Verdict, { proven = [] }: Finding): boolean {
  const known = new Set(verdict.proven?.map(({ object, etag }) => `${object} ${etag}`));
  return proven.every(({ object, etag }) => known.has(`${object} ${etag}`));
}

function isSame(verdict: Verdict, finding: Finding): boolean {
  const again = verdictOf(verdict.timestamp, verdict.level, finding, new Date(verdict.at));
  const text = ({ status, problemsTotal, problems }: Verdict) =>
    JSON.stringify(
      Verdict.pick({ status: true, problemsTotal: true, problems: true }).parse({
        status,
        problemsTotal,
        problems,
      }),
    );
  return text(again) === text(verdict);
}
