import { StowageError } from './errors.ts';
import { Instant, RestoreId, TaskId, Timestamp, timestampOf } from './timestamps.ts';

/**
 * Every key that can exist under a root (docs/format.md, Keys). Only this module builds and parses
 * keys.
 */
export type Key =
  | { readonly kind: 'plan' | 'seal' | 'manifest' | 'dispatched'; readonly timestamp: string }
  | ({ readonly kind: OfContent } & SetContent)
  | ({
      readonly kind: 'metadata';
      readonly attempt: number;
      readonly file: MetadataFile;
    } & SetContent)
  | ({ readonly kind: 'pack' | 'receipt' } & Shipment)
  | {
      readonly kind: 'verdict';
      readonly timestamp: string;
      readonly instant: string;
      readonly level: VerdictLevel;
    }
  | { readonly kind: 'task-request' | 'task-plan' | 'task-outcome'; readonly task: string }
  | {
      readonly kind: 'slice-order' | 'slice-receipt';
      readonly task: string;
      readonly slice: number;
    }
  | {
      readonly kind: 'restore-request' | 'restore-plan' | 'restore-counts' | 'outcome';
      readonly restore: string;
    }
  | {
      readonly kind: 'order' | 'order-claim' | 'restore-receipt';
      readonly restore: string;
      readonly phase: Phase;
      readonly content: number;
    };

/** Documents of a set that exist once per content. */
type OfContent =
  | 'base-part'
  | 'witnesses'
  | 'seal-part'
  | 'manifest-part'
  | 'backup-order'
  | 'backup-claim'
  | 'backup-report';

interface SetContent {
  readonly timestamp: string;
  readonly content: number;
}

/** The numbers that a pack and its receipt share. */
export interface Shipment extends SetContent {
  readonly attempt: number;
  readonly worker: number;
  readonly sequence: number;
}

export const METADATA_FILES = [
  'globals.sql.zst',
  'schema.dump',
  'sequences.sql.zst',
  'large-objects.dump',
] as const;
export type MetadataFile = (typeof METADATA_FILES)[number];
export const VERDICT_LEVELS = ['stitch', 'validate', 'verify'] as const;
export type VerdictLevel = (typeof VERDICT_LEVELS)[number];
export const PHASES = ['verify', 'pre-data', 'data', 'post-data', 'analyze'] as const;
export type Phase = (typeof PHASES)[number];

export const SETS = 'sets/';
export const RESTORES = 'restores/';
export const TASKS = 'tasks/';

/** Prefix of all objects of a set. */
export function setPrefix(timestamp: string): string {
  return `${SETS}${timestamp.slice(0, 8)}/${timestamp}/`;
}

/** Prefix of all receipts of a set. */
export function receiptsPrefix(timestamp: string): string {
  return `${setPrefix(timestamp)}receipts/`;
}

/** Prefix of the parts of a seal, one object per content. */
export function sealPartsPrefix(timestamp: string): string {
  return `${setPrefix(timestamp)}${FOLDERS['seal-part']}/`;
}

/** Prefix of the orders, claims or reports of agents for a set, one object per content. */
export function agentsPrefix(timestamp: string, what: 'orders' | 'claims' | 'reports'): string {
  return `${setPrefix(timestamp)}${what}/`;
}

/** Prefix of all objects of a task, or of its orders or receipts. */
export function taskPrefix(task: string, what?: 'orders' | 'receipts'): string {
  return `${TASKS}${task}/${what === undefined ? '' : `${what}/`}`;
}

/** Prefix of all sets of a UTC day. */
export function setsOn(date: Date): string {
  return `${SETS}${timestampOf(date).slice(0, 8)}/`;
}

/** Prefix of all restores of a UTC day. */
export function restoresOn(date: Date): string {
  return `${RESTORES}${timestampOf(date).slice(0, 8)}`;
}

export function restorePrefix(restore: string): string {
  return `${RESTORES}${restore}/`;
}

/** Prefix of the orders, claims or receipts of one phase of a restore. */
export function phasePrefix(
  restore: string,
  what: 'orders' | 'claims' | 'receipts',
  phase: Phase,
): string {
  return `${restorePrefix(restore)}${what}/${phase}/`;
}

const FOLDERS: Readonly<Record<OfContent, string>> = {
  'base-part': 'base',
  witnesses: 'witnesses',
  'seal-part': 'seals',
  'manifest-part': 'manifest',
  'backup-order': 'orders',
  'backup-claim': 'claims',
  'backup-report': 'reports',
};

export function formatKey(key: Key): string {
  switch (key.kind) {
    case 'plan':
    case 'seal':
    case 'manifest':
    case 'dispatched':
      return `${setPrefix(key.timestamp)}${key.kind}.json`;
    case 'metadata':
      return `${setPrefix(key.timestamp)}metadata/${key.content}/${key.attempt}-${key.file}`;
    case 'pack':
      return `${setPrefix(key.timestamp)}data/${key.content}/${shipmentName(key)}.pack`;
    case 'receipt':
      return `${receiptsPrefix(key.timestamp)}${key.content}/${shipmentName(key)}.json`;
    case 'base-part':
    case 'witnesses':
    case 'seal-part':
    case 'manifest-part':
    case 'backup-order':
    case 'backup-claim':
    case 'backup-report':
      return `${setPrefix(key.timestamp)}${FOLDERS[key.kind]}/${key.content}.json`;
    case 'verdict':
      return `${setPrefix(key.timestamp)}verdicts/${key.instant}-${key.level}.json`;
    case 'task-request':
    case 'task-plan':
    case 'task-outcome':
      return `${taskPrefix(key.task)}${key.kind.slice('task-'.length)}.json`;
    case 'slice-order':
      return `${taskPrefix(key.task, 'orders')}${key.slice}.json`;
    case 'slice-receipt':
      return `${taskPrefix(key.task, 'receipts')}${key.slice}.json`;
    case 'restore-request':
      return `${restorePrefix(key.restore)}request.json`;
    case 'restore-plan':
      return `${restorePrefix(key.restore)}plan.json`;
    case 'restore-counts':
      return `${restorePrefix(key.restore)}counts.json`;
    case 'outcome':
      return `${restorePrefix(key.restore)}outcome.json`;
    case 'order':
      return `${phasePrefix(key.restore, 'orders', key.phase)}${key.content}.json`;
    case 'order-claim':
      return `${phasePrefix(key.restore, 'claims', key.phase)}${key.content}.json`;
    case 'restore-receipt':
      return `${phasePrefix(key.restore, 'receipts', key.phase)}${key.content}.json`;
  }
}

/** `1-2-000003`: attempt, worker, sequence. */
export function shipmentName(shipment: Pick<Shipment, 'attempt' | 'worker' | 'sequence'>): string {
  return `${shipment.attempt}-${shipment.worker}-${String(shipment.sequence).padStart(6, '0')}`;
}

/** The meaning of a key, or undefined for a text that no key formats to. */
export function parseKey(text: string): Key | undefined {
  const parse = text.startsWith(SETS)
    ? parseSetKey
    : text.startsWith(TASKS)
      ? parseTaskKey
      : parseRestoreKey;
  const key = parse(text);
  return key !== undefined && formatKey(key) === text ? key : undefined;
}

/** @throws StowageError `set/unreadable` if the text is not a key of the format. */
export function requireKey(text: string): Key {
  const key = parseKey(text);
  if (key === undefined)
    throw new StowageError(
      'set/unreadable',
      `${JSON.stringify(text)} is not a key of a set, restore or task`,
      {
        where: { object: text },
      },
    );
  return key;
}

// Attempts and sequences count from 1.
const SHIPMENT =
  /^(receipts|data)\/(-1|\d{1,6})\/([1-9]\d{0,3})-(\d{1,4})-((?!0{6})\d{6})\.(json|pack)$/;
const SINGLES = ['plan', 'seal', 'manifest', 'dispatched'] as const;
const OF_CONTENT = /^([a-z]+)\/(-1|\d{1,6})\.json$/;
const METADATA = /^metadata\/(-1|\d{1,6})\/([1-9]\d{0,3})-(.+)$/;
const VERDICT = /^verdicts\/(\d{17})-([a-z]+)\.json$/;

function parseSetKey(text: string): Key | undefined {
  const [, timestamp = '', rest = ''] = /^sets\/\d{8}\/(\d{14})\/(.+)$/s.exec(text) ?? [];
  if (!Timestamp.safeParse(timestamp).success) return undefined;
  const single = SINGLES.find((kind) => rest === `${kind}.json`);
  if (single !== undefined) return { kind: single, timestamp };
  const [, folder, content] = OF_CONTENT.exec(rest) ?? [];
  const kind = (Object.keys(FOLDERS) as OfContent[]).find((known) => FOLDERS[known] === folder);
  if (kind !== undefined) return { kind, timestamp, content: Number(content) };
  const shipment = SHIPMENT.exec(rest);
  if (shipment !== null) {
    const [content = 0, attempt = 0, worker = 0, sequence = 0] = shipment.slice(2, 6).map(Number);
    return {
      kind: shipment[1] === 'data' ? 'pack' : 'receipt',
      timestamp,
      content,
      attempt,
      worker,
      sequence,
    };
  }
  const metadata = METADATA.exec(rest);
  const file = METADATA_FILES.find((name) => name === metadata?.[3]);
  if (metadata !== null && file !== undefined) {
    return {
      kind: 'metadata',
      timestamp,
      content: Number(metadata[1]),
      attempt: Number(metadata[2]),
      file,
    };
  }
  const verdict = VERDICT.exec(rest);
  const level = VERDICT_LEVELS.find((name) => name === verdict?.[2]);
  const instant = verdict?.[1] ?? '';
  if (level === undefined || !Instant.safeParse(instant).success) return undefined;
  return { kind: 'verdict', timestamp, instant, level };
}

function parseTaskKey(text: string): Key | undefined {
  const [, task = '', name = ''] = /^tasks\/([^/]+)\/(.+)\.json$/s.exec(text) ?? [];
  if (!TaskId.safeParse(task).success) return undefined;
  if (name === 'request' || name === 'plan' || name === 'outcome')
    return { kind: `task-${name}`, task };
  const [, folder, slice] = /^(orders|receipts)\/(\d{1,6})$/.exec(name) ?? [];
  if (folder === undefined) return undefined;
  return {
    kind: folder === 'orders' ? 'slice-order' : 'slice-receipt',
    task,
    slice: Number(slice),
  };
}

function parseRestoreKey(text: string): Key | undefined {
  const [, restore = '', rest = ''] = /^restores\/([^/]+)\/(.+)$/s.exec(text) ?? [];
  if (!RestoreId.safeParse(restore).success) return undefined;
  if (rest === 'request.json') return { kind: 'restore-request', restore };
  if (rest === 'plan.json') return { kind: 'restore-plan', restore };
  if (rest === 'counts.json') return { kind: 'restore-counts', restore };
  if (rest === 'outcome.json') return { kind: 'outcome', restore };
  const [, what, phaseName, content] =
    /^(orders|claims|receipts)\/([a-z-]+)\/(-1|\d{1,6})\.json$/.exec(rest) ?? [];
  const phase = PHASES.find((name) => name === phaseName);
  if (phase === undefined) return undefined;
  const kind = what === 'orders' ? 'order' : what === 'claims' ? 'order-claim' : 'restore-receipt';
  return { kind, restore, phase, content: Number(content) };
}
