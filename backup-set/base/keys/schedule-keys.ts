import { Instant } from '../timestamps.ts';

/** What a schedule started, and when: a folder per entry and scheduled instant. */
export const SCHEDULES = 'schedules/';
/** Terms in which one runner of a schedule may start runs. */
export const LEASES = 'leases/';

/** `start.json` decides which runner runs; `end.json` says how the run ended. */
export const RUN_FILES = ['start', 'end'] as const;
export type RunFile = (typeof RUN_FILES)[number];

/** What a lease is for. */
export const LEASE_NAMES = ['schedule'] as const;
export type LeaseName = (typeof LEASE_NAMES)[number];

/** The name of an entry of a schedule: part of keys. */
export const NAME_FORM = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

export type ScheduleKey =
  | {
      readonly kind: 'schedule-run';
      /** When the run was due, not when it began. */
      readonly instant: string;
      readonly entry: string;
      readonly file: RunFile;
    }
  /** `instant`: when the term begins. */
  | { readonly kind: 'lease'; readonly name: LeaseName; readonly instant: string };

/** The runs that were due in a UTC month, `YYYYMM`. */
export function runsOfMonth(month: string): string {
  return `${SCHEDULES}${month}`;
}

export function formatScheduleKey(key: ScheduleKey): string {
  if (key.kind === 'lease') return `${LEASES}${key.name}/${key.instant}.json`;
  return `${SCHEDULES}${key.instant}-${key.entry}/${key.file}.json`;
}

export function parseScheduleKey(text: string): ScheduleKey | undefined {
  const [, instant = '', entry = '', name] = RUN.exec(text) ?? [];
  const file = RUN_FILES.find((known) => known === name);
  if (file !== undefined && NAME_FORM.test(entry) && isInstant(instant))
    return { kind: 'schedule-run', instant, entry, file };
  const [, named, begin = ''] = LEASE.exec(text) ?? [];
  const lease = LEASE_NAMES.find((known) => known === named);
  if (lease === undefined || !isInstant(begin)) return undefined;
  return { kind: 'lease', name: lease, instant: begin };
}

const RUN = /^schedules\/(\d{17})-([^/]+)\/([a-z]+)\.json$/;
const LEASE = /^leases\/([^/]+)\/(\d{17})\.json$/;

const isInstant = (text: string) => Instant.safeParse(text).success;
