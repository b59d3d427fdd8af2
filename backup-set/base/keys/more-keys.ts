import { Instant, TaskId } from '../timestamps.ts';

/**
 * What the marks in `retention/` of a set say (docs/design/0024-expiry.md). `ended` belongs to the
 * `expired` with the same instant, `read` to such a `reading`.
 */
export const RETENTION_MARKS = ['ended', 'expired', 'held', 'read', 'reading', 'released'] as const;
export type RetentionMark = (typeof RETENTION_MARKS)[number];

export const METADATA_FILES = [
  'globals.sql.zst',
  'schema.dump',
  'sequences.sql.zst',
  'large-objects.dump',
] as const;
export type MetadataFile = (typeof METADATA_FILES)[number];

export const PHASES = ['verify', 'pre-data', 'data', 'post-data', 'analyze'] as const;
export type Phase = (typeof PHASES)[number];

export type TaskKey =
  | { readonly kind: 'task-request' | 'task-plan' | 'task-outcome'; readonly task: string }
  | {
      readonly kind: 'slice-order' | 'slice-receipt';
      readonly task: string;
      readonly slice: number;
    };

/** A run of expiry that a schedule starts. */
export const EXPIRIES = 'expiries/';

const MARK = /^retention\/(\d{17})-([a-z]+)\.json$/;

const FILE = /^data\/(-1|\d{1,6})\/(gpbackup_[\w.-]{1,200})$/;

/** A file of gpbackup. `rest` is a key after the prefix of its set. */
export function parseFile(rest: string) {
  const [, content, name] = FILE.exec(rest) ?? [];
  return name === undefined ? undefined : { kind: 'file' as const, content: Number(content), name };
}

/** `rest` is a key after the prefix of its set. */
export function parseMark(rest: string) {
  const [, instant = '', name] = MARK.exec(rest) ?? [];
  const what = RETENTION_MARKS.find((known) => known === name);
  if (what === undefined || !Instant.safeParse(instant).success) return undefined;
  return { kind: 'retention' as const, instant, what };
}

/** `rest` is a key after the prefix of its set. */
export function parseLockRecord(rest: string) {
  const [, instant = ''] = /^locks\/(\d{17})\.json$/.exec(rest) ?? [];
  return Instant.safeParse(instant).success ? { kind: 'lock-record' as const, instant } : undefined;
}

export function parseExpiryKey(text: string) {
  const [, instant = ''] = /^expiries\/(\d{17})\.json$/.exec(text) ?? [];
  return Instant.safeParse(instant).success ? { kind: 'expiry' as const, instant } : undefined;
}

export const TASKS = 'tasks/';

/** Prefix of all objects of a task, or of its orders or receipts. */
export function taskPrefix(task: string, what?: 'orders' | 'receipts'): string {
  return `${TASKS}${task}/${what === undefined ? '' : `${what}/`}`;
}

export function formatTaskKey(key: TaskKey): string {
  if (!('slice' in key)) return `${taskPrefix(key.task)}${key.kind.slice('task-'.length)}.json`;
  const folder = key.kind === 'slice-order' ? 'orders' : 'receipts';
  return `${taskPrefix(key.task, folder)}${key.slice}.json`;
}

export function parseTaskKey(text: string) {
  const [, task = '', name = ''] = /^tasks\/([^/]+)\/(.+)\.json$/s.exec(text) ?? [];
  if (!TaskId.safeParse(task).success) return undefined;
  if (name === 'request' || name === 'plan' || name === 'outcome')
    return { kind: `task-${name}` as const, task };
  const [, folder, slice] = /^(orders|receipts)\/(\d{1,6})$/.exec(name) ?? [];
  if (folder === undefined) return undefined;
  const kind = folder === 'orders' ? ('slice-order' as const) : ('slice-receipt' as const);
  return { kind, task, slice: Number(slice) };
}

/** `1-2-000003`: attempt, worker, sequence. */
export function shipmentName(shipment: {
  readonly attempt: number;
  readonly worker: number;
  readonly sequence: number;
}): string {
  return `${shipment.attempt}-${shipment.worker}-${String(shipment.sequence).padStart(6, '0')}`;
}
