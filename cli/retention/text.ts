import { count, plural } from '../../backup-set/base/words.ts';
import type { ExpiryReport } from '../../functions/retention/expire.ts';
import type { MeasuredSet } from '../../functions/retention/measure.ts';
import type { ExpiryPlan } from '../../functions/retention/plan.ts';
import type { Removal } from '../../functions/retention/remove.ts';
import { bytes, printable } from '../output/format.ts';
import type { Screen } from '../output/table/screen.ts';
import { type Column, table } from '../output/table/table.ts';

/** Sets named in one line; `--json` has all. */
const NAMED_MAX = 5;

/** The plan of an expiry for `--json`. */
export function planValue(plan: ExpiryPlan, measured: readonly MeasuredSet[]) {
  return {
    sets: plan.decisions.map(({ timestamp, keptBy, why }) => ({
      timestamp,
      status: plan.facts.get(timestamp)?.status,
      keptBy,
      ...unreadableOf(plan.facts.get(timestamp)),
      ...(keptBy.length === 0 && { why }),
    })),
    expired: plan.expired.map(({ since, removableAt, lock, ...set }) => ({
      ...set,
      ...(lock && { locked: { until: lock.until?.toISOString() ?? null } }),
      since: since.toISOString(),
      removableAt: removableAt.toISOString(),
    })),
    removing: plan.removing,
    freed: measured,
  };
}

const unreadableOf = ({ unreadable }: { unreadable?: string } = {}) =>
  unreadable !== undefined && { unreadable };

const COLUMNS: readonly Column[] = [
  { title: 'set' },
  { title: 'status' },
  { title: 'decision' },
  { title: 'reason', min: 24, cut: 'fold' },
];

/** The plan of an expiry: each set with the rule that keeps it, or why it goes. */
export function planText(
  plan: ExpiryPlan,
  measured: readonly MeasuredSet[],
  screen?: Screen,
): string {
  const sizes = new Map(measured.map((set) => [set.timestamp, set]));
  const rows = plan.decisions.map(({ timestamp, keptBy, why }) => [
    timestamp,
    plan.facts.get(timestamp)?.status ?? '–',
    keptBy.length > 0 ? 'kept' : 'expires',
    keptBy.length > 0 ? keptBy.join(', ') : `${why}${freed(sizes.get(timestamp))}`,
  ]);
  const expired = plan.expired
    .toReversed()
    .map(({ timestamp, removableAt, waitsFor, lock, unreadable }) => [
      timestamp,
      'expired',
      waitsFor.length > 0 || lock !== undefined || unreadable !== undefined
        ? 'waits'
        : removableAt <= plan.now
          ? 'removed'
          : 'in grace',
      waitsFor.length > 0
        ? `for ${waitsFor.join(', ')}`
        : lock !== undefined
          ? lockedText(lock.until?.toISOString())
          : unreadable !== undefined
            ? 'a document of it cannot be read'
            : `${graceText(removableAt, plan.now)}${freed(sizes.get(timestamp))}`,
    ]);
  const removing = plan.removing.map((timestamp) => [
    timestamp,
    'removed',
    'rest',
    `its removal has begun${freed(sizes.get(timestamp))}`,
  ]);
  const all = [...rows, ...expired, ...removing];
  if (all.length === 0) return 'no sets';
  const goes = plan.decisions.filter(({ keptBy }) => keptBy.length === 0).length;
  const counts = [
    `${plural(plan.decisions.length - goes, 'set')} kept`,
    `${count(goes)} would expire`,
    ...(expired.length > 0 ? [`${count(expired.length)} expired before`] : []),
  ].join(', ');
  return `${table(COLUMNS, all, screen)}\n${counts}`;
}

const graceText = (removableAt: Date, now: Date) =>
  removableAt <= now ? 'its grace is over' : `until ${removableAt.toISOString().slice(0, 16)}Z`;

/** What the sets that go would free, or an expiry has freed. */
export function freedLine(verb: string, sets: readonly Removal[]): string {
  const sum = (of: (set: Removal) => number) => sets.reduce((total, set) => total + of(set), 0);
  const kept = sum(({ packsKept }) => packsKept);
  const rest = kept === 0 ? '' : `; ${plural(kept, 'pack')} stay, because other sets need them`;
  return `${verb} ${plural(
    sum(({ objects }) => objects),
    'object',
  )}, ${bytes(sum((set) => set.bytes))}${rest}`;
}

/** Why a set that has expired stays. */
const lockedText = (until: string | undefined) =>
  until === undefined ? 'for the end of a legal hold' : `locked until ${until} (Object Lock)`;

export function reportText(report: ExpiryReport, graceHours: number): string {
  const { expired, removed, kept, locked } = report;
  const done = removed.filter(({ objects }) => objects > 0);
  return [
    `${plural(kept, 'set')} kept, ${plural(expired.length, 'set')} expired${named(expired)}`,
    ...(expired.length > 0 && graceHours > 0 ? [graceOver(graceHours)] : []),
    `${plural(done.length, 'set')} removed${named(done.map(({ timestamp }) => timestamp))}`,
    freedLine('removed', removed),
    ...locked.map(
      ({ timestamp, until }) => `set ${timestamp} is not removed yet: ${lockedText(until)}`,
    ),
  ].join('\n');
}

/** What a run of expiry left as it is, because the store refused it. */
export function leftLines(problems: readonly string[]): string[] {
  const more = problems.length - NAMED_MAX;
  return [
    ...problems.slice(0, NAMED_MAX).map((line) => `not done: ${printable(line)}`),
    ...(more > 0 ? [`… and ${plural(more, 'more problem')} (--json lists them)`] : []),
  ];
}

const graceOver = (hours: number) =>
  `what has expired is removed by the first expire after ${plural(hours, 'hour')} (retention.graceHours); until then \`stowage unexpire TIMESTAMP\` takes it back`;

function freed(set: MeasuredSet | undefined): string {
  if (set === undefined) return '';
  const stay =
    set.packsKept === 0
      ? ''
      : `; ${plural(set.packsKept, 'pack')} stay for ${plural(set.neededBy.length, 'set')}`;
  return `; frees ${bytes(set.bytes)}${stay}`;
}

function named(timestamps: readonly string[]): string {
  if (timestamps.length === 0) return '';
  const rest = timestamps.length > NAMED_MAX ? ', …' : '';
  return ` (${timestamps.slice(0, NAMED_MAX).join(', ')}${rest})`;
}
