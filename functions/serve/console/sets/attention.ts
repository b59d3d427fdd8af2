import { identityPlace } from '../../../../backup-set/messages/identity-place.ts';
import type { Attention, ConsoleRestore, ConsoleSet } from '../api.ts';

const DAY_MS = 24 * 3600_000;
/** Locks that end within this time are shown. */
export const LOCK_NOTICE_DAYS = 7;

const SEVERITIES = ['critical', 'warning', 'notice'] as const;

/** What an operator should look at, worst first, with a command for each. */
export function attentionOf(
  sets: readonly ConsoleSet[],
  restores: readonly ConsoleRestore[],
  now: Date,
): Attention[] {
  const found = [
    ...sets.flatMap((set) => ofSet(set, sets, now)),
    ...restores.flatMap((restore) => ofRestore(restore, sets)),
  ];
  const rank = ({ severity }: Attention) => SEVERITIES.indexOf(severity);
  return found.toSorted((a, b) => rank(a) - rank(b));
}

function ofSet(set: ConsoleSet, sets: readonly ConsoleSet[], now: Date): Attention[] {
  if (set.expiredSince !== undefined) return [];
  return [...ofState(set, sets), ...ofNeeds(set), ...ofWarnings(set), ...ofLock(set, now)];
}

function ofState(set: ConsoleSet, sets: readonly ConsoleSet[]): Attention[] {
  const { timestamp, state } = set;
  const first = set.unreadable ?? set.problems[0];
  const more = set.problemsTotal > 1 ? ` (and ${set.problemsTotal - 1} more)` : '';
  const why = first === undefined ? '' : `${first}${more}`;
  switch (state) {
    case 'damaged':
      return [
        {
          severity: 'critical',
          kind: 'damaged',
          title: `Set ${timestamp} is damaged`,
          detail: why || 'Its manifest is missing, and a check found it complete before.',
          command: `stowage repair ${timestamp} --from ROOT-OF-A-COPY`,
          set: timestamp,
        },
      ];
    case 'incomplete': {
      // A later complete set of the same database has what this one lacks.
      const isPast = sets.some(
        (other) =>
          other.state === 'complete' &&
          other.database === set.database &&
          other.timestamp > timestamp,
      );
      return [
        {
          severity: isPast ? 'notice' : 'critical',
          kind: 'incomplete',
          title: `Set ${timestamp} is incomplete`,
          detail: why || 'Something that its plan names did not arrive.',
          command: isPast ? `stowage delete ${timestamp}` : `stowage show ${timestamp}`,
          set: timestamp,
        },
      ];
    }
    case 'unknown':
      return [
        {
          severity: 'critical',
          kind: 'unknown',
          title: `Set ${timestamp} cannot be looked at`,
          detail: why || 'The store withholds an object of it.',
          command: `stowage show ${timestamp}`,
          set: timestamp,
        },
      ];
    case 'overdue':
      return [
        {
          severity: 'warning',
          kind: 'overdue',
          title: `The backup ${timestamp} has stopped`,
          detail: `No object has arrived since ${set.lastArrival ?? 'it began'}, and it has no seal.`,
          command: 'stowage sweep',
          set: timestamp,
        },
      ];
    case 'complete':
    case 'open':
      return [];
  }
}

function ofNeeds({ timestamp, usesDamaged, state }: ConsoleSet): Attention[] {
  if (usesDamaged.length === 0 || state !== 'complete') return [];
  return [
    {
      severity: 'critical',
      kind: 'uses-damaged',
      title: `Set ${timestamp} may use damaged packs`,
      detail: `It uses packs of ${usesDamaged.join(', ')}, which a check found damaged.`,
      command: `stowage verify ${timestamp}`,
      set: timestamp,
    },
  ];
}

function ofWarnings({ timestamp, warnings, warningsTotal }: ConsoleSet): Attention[] {
  const more = warningsTotal - warnings.length;
  return warnings.map((detail, at) => ({
    severity: 'warning',
    kind: 'unusual',
    title: `Set ${timestamp} is unusual`,
    detail: at === warnings.length - 1 && more > 0 ? `${detail} (and ${more} more)` : detail,
    command: `stowage show ${timestamp}`,
    set: timestamp,
  }));
}

function ofLock({ timestamp, lock, state }: ConsoleSet, now: Date): Attention[] {
  if (lock === undefined || state !== 'complete') return [];
  const common = { kind: 'lock', command: 'stowage doctor', set: timestamp };
  if (lock.status === 'incomplete')
    return [
      {
        ...common,
        severity: 'warning',
        title: `Locks of set ${timestamp} were not extended`,
        detail: 'Some objects that it uses are locked for a shorter time than the set.',
      },
    ];
  const leftMs = Date.parse(lock.until) - now.getTime();
  if (leftMs > LOCK_NOTICE_DAYS * DAY_MS) return [];
  const isPast = leftMs <= 0;
  return [
    {
      ...common,
      severity: 'notice',
      title: isPast
        ? `Set ${timestamp} is no longer locked`
        : `The locks of set ${timestamp} end within ${Math.ceil(leftMs / DAY_MS)} d`,
      detail: `${isPast ? 'Since' : 'After'} ${lock.until} its objects can be deleted.`,
      command: `stowage hold ${timestamp}`,
    },
  ];
}

function ofRestore(
  { id, status, set, problems, problemsTotal }: ConsoleRestore,
  sets: readonly ConsoleSet[],
): Attention[] {
  const of = sets.find(({ timestamp }) => timestamp === set);
  const identity = identityPlace(of?.encrypted === true);
  const more = problemsTotal > 1 ? ` (and ${problemsTotal - 1} more)` : '';
  const detail = problems[0] === undefined ? '' : `${problems[0]}${more}`;
  const common = { kind: 'restore', restore: id };
  switch (status) {
    case 'failed':
      return [
        {
          ...common,
          severity: 'warning',
          title: `A restore of ${set ?? 'a set'} failed`,
          detail,
          command: `stowage restore --resume ${id}${identity}`,
        },
      ];
    case 'refused':
      return [
        {
          ...common,
          severity: 'notice',
          title: `A restore of ${set ?? 'a set'} was refused`,
          detail,
          command: `stowage restore ${set ?? ''} --dry-run${identity}`.replace('  ', ' '),
        },
      ];
    case 'stalled':
      return [
        {
          ...common,
          severity: 'warning',
          title: `A restore of ${set ?? 'a set'} has stopped`,
          detail: 'No receipt has arrived for an hour, and it has no outcome.',
          command: `stowage restore --resume ${id}${identity}`,
        },
      ];
    case 'running':
    case 'restored':
    case 'unreadable':
      return [];
  }
}
