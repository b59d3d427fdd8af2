import { Instant, instantOf } from '../timestamps.ts';

/** What a schedule started, and when: a folder per entry and scheduled instant. */
export const SCHEDULES = 'schedules/';
/** Terms in which one runner of a schedule may start runs. */
export const LEASES = 'leases/';

/** What agents and runners write while they live: a folder per program. */
export const HEARTBEATS = 'heartbeats/';
/** A program writes one in each slot of this length, by the store's clock. */
export const HEARTBEAT_MS = 900_000;

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
  /** A run that was asked for from outside, for the instant: a runner starts it. */
  | { readonly kind: 'schedule-order'; readonly instant: string; readonly entry: string }
  /** `program`: 16 hexadecimal digits that follow from its role and name. */
  | { readonly kind: 'heartbeat'; readonly program: string; readonly instant: string }
  /** `instant`: when the term begins. */
  | { readonly kind: 'lease'; readonly name: LeaseName; readonly instant: string };

/** The runs that were due in a UTC month, `YYYYMM`. */
export function runsOfMonth(month: string): string {
  return `${SCHEDULES}${month}`;
}

export function formatScheduleKey(key: ScheduleKey): string {
  if (key.kind === 'lease') return `${LEASES}${key.name}/${key.instant}.json`;
  if (key.kind === 'heartbeat') return `${HEARTBEATS}${key.program}/${key.instant}.json`;
  const file = key.kind === 'schedule-order' ? ORDER : key.file;
  return `${SCHEDULES}${key.instant}-${key.entry}/${file}.json`;
}

export function parseScheduleKey(text: string): ScheduleKey | undefined {
  const [, instant = '', entry = '', name] = RUN.exec(text) ?? [];
  const file = RUN_FILES.find((known) => known === name);
  if (NAME_FORM.test(entry) && isInstant(instant)) {
    if (name === ORDER) return { kind: 'schedule-order', instant, entry };
    if (file !== undefined) return { kind: 'schedule-run', instant, entry, file };
  }
  const [, program, at = ''] = HEARTBEAT.exec(text) ?? [];
  if (program !== undefined && isInstant(at)) return { kind: 'heartbeat', program, instant: at };
  const [, named, begin = ''] = LEASE.exec(text) ?? [];
  const lease = LEASE_NAMES.find((known) => known === named);
  if (lease === undefined || !isInstant(begin)) return undefined;
  return { kind: 'lease', name: lease, instant: begin };
}

const ORDER = 'order';
const RUN = /^schedules\/(\d{17})-([^/]+)\/([a-z]+)\.json$/;
const HEARTBEAT = /^heartbeats\/([0-9a-f]{16})\/(\d{17})\.json$/;
const LEASE = /^leases\/([^/]+)\/(\d{17})\.json$/;

const isInstant = (text: string) => Instant.safeParse(text).success;

export const SCHEDULE_PARSERS: readonly [string, (text: string) => ScheduleKey | undefined][] = [
  [SCHEDULES, parseScheduleKey],
  [LEASES, parseScheduleKey],
  [HEARTBEATS, parseScheduleKey],
];

/** The instant of the slot that a time of the store belongs to. */
export function heartbeatSlot(now: Date): string {
  return instantOf(new Date(Math.floor(now.getTime() / HEARTBEAT_MS) * HEARTBEAT_MS));
}
