import { type ErrorCode, StowageError } from '../../backup-set/base/errors.ts';
import { parseKey } from '../../backup-set/base/keys.ts';
import { dateOf } from '../../backup-set/base/timestamps.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import type { Deps, Unreadable } from '../deps.ts';
import { currentVerdict, type KnownOfSet } from './current-verdict.ts';
import { apart, watchingFor } from './unreadable.ts';

/** A verdict that cannot be read, and that no later check has made past. */
export interface HiddenVerdict {
  readonly level: Verdict['level'];
  readonly at: Date;
  readonly object: string;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface Judgement {
  /** The current one of those that can be read. */
  readonly verdict: Verdict | undefined;
  readonly judgedAt: Date | undefined;
  readonly hidden?: HiddenVerdict;
}

/** The verdict on a set, and the newest one that cannot be read and may say something else. */
export async function judgementOf(
  given: Deps,
  timestamp: string,
  known: KnownOfSet,
): Promise<Judgement> {
  const { deps, found } = watchingFor(given, 'verdict');
  const verdict = await apart<Verdict | undefined>(
    deps,
    `the verdict on set ${timestamp} is not known`,
    () => currentVerdict(deps, timestamp, known),
    () => undefined,
  );
  const [hidden] = found()
    .flatMap(hiddenVerdict)
    .filter((one) => !isPast(one, verdict))
    .toSorted((a, b) => b.at.getTime() - a.at.getTime());
  return { verdict, judgedAt: verdict && new Date(verdict.at), ...(hidden && { hidden }) };
}

/**
 * The verdict in force on a set.
 * @throws StowageError when one that cannot be read may say something else, such as damage.
 */
export async function verdictInForce(
  deps: Deps,
  timestamp: string,
  known: KnownOfSet,
): Promise<Verdict | undefined> {
  const { verdict, hidden } = await judgementOf(deps, timestamp, known);
  if (hidden !== undefined) throw inDoubt(hidden);
  return verdict;
}

/** For readers to which a set of unknown status is a failure. */
export function inDoubt({ code, message, object }: HiddenVerdict): StowageError {
  return new StowageError(code, message, { where: { object } });
}

/** None when the object is no verdict on a set; a drill says how a restore went. */
export function hiddenVerdict({ object, code, message }: Unreadable): HiddenVerdict[] {
  const key = parseKey(object);
  if (key?.kind !== 'verdict' || key.level === 'drill') return [];
  return [{ level: key.level, at: dateOf(key.instant), object, code, message }];
}

/** Whether a later check, which would have seen the same damage, found a set complete. */
export function isPast(
  { level, at }: HiddenVerdict,
  verdict: Pick<Verdict, 'status' | 'level' | 'at'> | undefined,
): boolean {
  if (verdict?.status !== 'complete' || new Date(verdict.at) <= at) return false;
  return level !== 'verify' || verdict.level === 'verify';
}
