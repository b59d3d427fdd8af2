import { parseKey } from '../../backup-set/base/keys.ts';
import { dateOf } from '../../backup-set/base/timestamps.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import type { Deps, Unreadable } from '../deps.ts';
import { currentVerdict } from '../stored/current-verdict.ts';
import { apart, watchingFor } from '../stored/unreadable.ts';

/** A verdict that cannot be read, and that no later check has made past. */
export interface HiddenVerdict {
  readonly level: Verdict['level'];
  readonly at: Date;
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
  isCommitted: boolean,
): Promise<Judgement> {
  const { deps, found } = watchingFor(given, 'verdict');
  const verdict = await apart<Verdict | undefined>(
    deps,
    `set ${timestamp} is kept, its verdict cannot be read`,
    () => currentVerdict(deps, timestamp, { isCommitted }),
    () => undefined,
  );
  const [hidden] = found()
    .flatMap(hiddenVerdict)
    .filter((one) => !isPast(one, verdict))
    .toSorted((a, b) => b.at.getTime() - a.at.getTime());
  return { verdict, judgedAt: verdict && new Date(verdict.at), ...(hidden && { hidden }) };
}

function hiddenVerdict({ object, message }: Unreadable): HiddenVerdict[] {
  const key = parseKey(object);
  if (key?.kind !== 'verdict') return [];
  return [{ level: key.level, at: dateOf(key.instant), message }];
}

/** Whether a later check, which would have seen the same damage, found a set complete. */
export function isPast({ level, at }: HiddenVerdict, verdict: Verdict | undefined): boolean {
  if (verdict?.status !== 'complete' || new Date(verdict.at) <= at) return false;
  return level !== 'verify' || verdict.level === 'verify';
}
