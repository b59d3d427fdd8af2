import { dateOf } from '../base/timestamps.ts';
import { calendar, type Period } from './calendar.ts';
import { earlier } from './duration.ts';
import type { KeepRules, RetentionRules } from './rules.ts';

/** What the rules must know of a living set. */
export interface RuledSet {
  readonly timestamp: string;
  /** `unproven`: it has a manifest, and no check has found it complete yet. */
  readonly status: 'complete' | 'unproven' | 'incomplete' | 'damaged' | 'open';
  /** Sets of one series replace each other: of one cluster and database, with one selection. */
  readonly series: string;
  readonly tags: readonly string[];
  /** The time of the verdict; absent = none. */
  readonly judgedAt?: Date | undefined;
  /** Why the set is held; absent = it is not. */
  readonly held?: string | undefined;
  /** The readers of the set: restores, tasks, copies, backups. */
  readonly readers: readonly string[];
  /** Older sets whose files it needs: it is an increment of gpbackup. */
  readonly needsFilesOf: readonly string[];
}

export interface Decision {
  readonly timestamp: string;
  /** The rules that keep the set. Empty = it goes. */
  readonly keptBy: readonly string[];
  /** Why it goes; empty when it is kept. */
  readonly why: string;
}

/** Clocks of hosts differ. A set from later than that must not replace the real ones. */
const AHEAD_MS_MAX = 24 * 3600_000;

/**
 * Decides which of the living sets of a root go. Pure; the order of the sets has no meaning. A set
 * stays when one rule keeps it, so that another rule can only keep more.
 */
export function decide(
  sets: readonly RuledSet[],
  rules: RetentionRules,
  now: Date,
): readonly Decision[] {
  const isAhead = ({ timestamp }: RuledSet) =>
    dateOf(timestamp).getTime() > now.getTime() + AHEAD_MS_MAX;
  const kept = new Map(sets.map(({ timestamp }) => [timestamp, new Set<string>()]));
  const keep = ({ timestamp }: RuledSet, rule: string) => kept.get(timestamp)?.add(rule);
  for (const set of sets) {
    for (const rule of alwaysKept(set, rules, now)) keep(set, rule);
    if (isAhead(set)) keep(set, 'from the future');
  }
  const past = sets.filter((set) => !isAhead(set));
  for (const series of Map.groupBy(past, ({ series: name }) => name).values()) {
    const complete = newestFirst(series.filter(({ status }) => status === 'complete'));
    const [newest] = complete;
    if (newest !== undefined) keep(newest, 'newest complete set');
    else
      for (const set of series)
        if (set.status === 'damaged') keep(set, 'no complete set of its kind');
    for (const [tag, ofTag] of ruleSets(rules)) {
      const counted = complete.filter(({ tags }) => tag === undefined || tags.includes(tag));
      applyRules(counted, ofTag, rules.timeZone, (set, rule) =>
        keep(set, tag === undefined ? rule : `${rule} (${tag})`),
      );
    }
  }
  // The newest first: an increment that is kept for another one needs older sets, too.
  for (const { timestamp, needsFilesOf } of newestFirst(sets)) {
    if (kept.get(timestamp)?.size === 0) continue;
    for (const older of needsFilesOf) kept.get(older)?.add('an increment needs its files');
  }
  return newestFirst(sets).map((set) => {
    const keptBy = [...(kept.get(set.timestamp) ?? [])];
    return { timestamp: set.timestamp, keptBy, why: keptBy.length > 0 ? '' : whyGone(set, rules) };
  });
}

/** What keeps a set whatever the other sets are. */
function alwaysKept(set: RuledSet, rules: RetentionRules, now: Date): string[] {
  const { held, readers, status, judgedAt, timestamp } = set;
  const reasons = readers.map((reader) => `read by ${reader}`);
  if (held !== undefined) reasons.push(held === '' ? 'held' : `held: ${held}`);
  if (status === 'open') reasons.push('being written, or not judged yet');
  if (status === 'unproven') reasons.push('not validated yet');
  if (status === 'incomplete' || status === 'damaged') {
    const failed = Math.max(dateOf(timestamp).getTime(), judgedAt?.getTime() ?? 0);
    if (failed > earlier(now, rules.keepFailed).getTime()) reasons.push('keepFailed');
  }
  const isRuled = ruleSets(rules).some(([tag]) => tag === undefined || set.tags.includes(tag));
  if (status === 'complete' && !isRuled) reasons.push('no rule applies');
  return reasons;
}

/** The rules that are given: the general ones, and those of each tag. */
function ruleSets({ tags, ...general }: RetentionRules): [string | undefined, KeepRules][] {
  const all: [string | undefined, KeepRules][] = [[undefined, general], ...Object.entries(tags)];
  return all.filter(([, rules]) => COUNTED.some(([name]) => rules[name] !== undefined));
}

const COUNTED = [
  ['keepLast', undefined],
  ['keepWithin', undefined],
  ['keepHourly', 'hour'],
  ['keepDaily', 'day'],
  ['keepWeekly', 'week'],
  ['keepMonthly', 'month'],
  ['keepYearly', 'year'],
] as const satisfies readonly [keyof KeepRules, Period | undefined][];

/** `sets`: the newest first. */
function applyRules(
  sets: readonly RuledSet[],
  rules: KeepRules,
  timeZone: string,
  keep: (set: RuledSet, rule: string) => void,
): void {
  const [newest] = sets;
  if (newest === undefined) return;
  for (const set of sets.slice(0, rules.keepLast ?? 0)) keep(set, 'keepLast');
  if (rules.keepWithin !== undefined) {
    const since = earlier(dateOf(newest.timestamp), rules.keepWithin);
    for (const set of sets) if (dateOf(set.timestamp) > since) keep(set, 'keepWithin');
  }
  const nameOf = calendar(timeZone);
  for (const [name, period] of COUNTED) {
    const most = rules[name];
    if (period === undefined || typeof most !== 'number') continue;
    const seen = new Set<string>();
    let last: RuledSet | undefined;
    for (const set of sets) {
      const within = nameOf(dateOf(set.timestamp), period);
      if (seen.has(within)) continue;
      if (seen.size === most) break;
      seen.add(within);
      last = set;
      keep(set, `${name} ${within}`);
    }
    // As restic does: a history that is still short keeps its beginning.
    const oldest = sets.at(-1);
    if (oldest !== undefined && oldest !== last && seen.size < most) keep(oldest, `${name} oldest`);
  }
}

const newestFirst = (sets: readonly RuledSet[]) =>
  sets.toSorted((a, b) => (a.timestamp < b.timestamp ? 1 : -1));

function whyGone({ status }: RuledSet, { keepFailed }: RetentionRules): string {
  return status === 'complete' ? 'no rule keeps it' : `${status} for longer than ${keepFailed}`;
}
