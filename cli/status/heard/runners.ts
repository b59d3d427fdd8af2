import type { Heard } from '../../../functions/heard/heard.ts';
import { ageText, localTime } from '../../schedule/text.ts';

/** What is known of the runners of a schedule. */
export interface RunnersSeen {
  readonly now: Date;
  readonly runners: readonly Heard[];
  /** The runner that holds the lease now. */
  readonly runner: string | undefined;
  readonly entries: readonly {
    readonly entry: { readonly name: string; readonly timeZone: string };
    readonly last: { readonly instant: Date } | undefined;
    readonly next: Date | undefined;
  }[];
}

/** Entries that a message names. */
const NAMED_MAX = 3;

/**
 * Why nothing will start the entries of a schedule; undefined when a runner is heard, or without a
 * schedule. The same words in `status`, `doctor` and `list`. Pure.
 */
export function noRunner({ now, runners, runner, entries }: RunnersSeen): string | undefined {
  if (entries.length === 0 || runner !== undefined) return undefined;
  if (runners.some(({ isOverdue }) => !isOverdue)) return undefined;
  const names = entries.slice(0, NAMED_MAX).map(({ entry }) => entry.name);
  const more = entries.length > NAMED_MAX ? ` and ${entries.length - NAMED_MAX} more` : '';
  const newest = runners.toSorted((a, b) => b.lastAt.getTime() - a.lastAt.getTime())[0];
  const heard =
    newest === undefined
      ? entries.every(({ last }) => last === undefined)
        ? 'no runner has ever run it'
        : 'no runner is heard'
      : `its runner on ${newest.name} was last heard ${ageText(now.getTime() - newest.lastAt.getTime())} ago`;
  const due = entries
    .flatMap(({ entry, next }) => (next === undefined ? [] : [{ entry, next }]))
    .toSorted((a, b) => a.next.getTime() - b.next.getTime())[0];
  const when =
    due === undefined
      ? 'it runs when an order asks for it'
      : `next due ${localTime(due.next, due.entry.timeZone)}`;
  return `schedule ${names.join(', ')}${more}: ${heard}; ${when}. Start stowage serve, stowage schedule --run or an agent with backup.config`;
}
