import { StowageError } from './errors.ts';
import { EXPORTS, type ExportKey, parseExportKey } from './keys/export-keys.ts';
import { formatLedgerKey, type LedgerKey, parseLedgerKey } from './keys/ledger-keys.ts';
import {
  EXPIRIES,
  formatTaskKey,
  METADATA_FILES,
  type MetadataFile,
  PHASES,
  parseExpiryKey,
  parseFile,
  parseLockRecord,
  parseMark,
  parseTaskKey,
  type RetentionMark,
  shipmentName,
  TASKS,
  type TaskKey,
} from './keys/more-keys.ts';
import {
  formatRequestKey,
  parseRequestKey,
  REQUESTS,
  type RequestKey,
} from './keys/request-keys.ts';
import {
  formatRestoreKey,
  parseRestoreKey,
  RESTORES,
  type RestoreKey,
} from './keys/restore-keys.ts';
import { formatScheduleKey, SCHEDULE_PARSERS, type ScheduleKey } from './keys/schedule-keys.ts';
import { formatKeyDocument, type KeyDocumentKey, parseKeyDocument } from './keys/set-key-keys.ts';
import {
  locksPrefix,
  receiptsPrefix,
  retentionPrefix,
  SEAL_PARTS,
  SETS,
  setPrefix,
} from './keys/set-prefixes.ts';
import { Instant, Timestamp, timestampOf } from './timestamps.ts';

/**
 * Every key that can exist under a root (docs/format.md, Keys). Only this module builds and parses
 * keys.
 */
export type Key =
  | { readonly kind: (typeof SINGLES)[number] | 'needs'; readonly timestamp: string }
  | ({ readonly kind: OfContent } & SetContent)
  | ({
      readonly kind: 'metadata';
      readonly attempt: number;
      readonly file: MetadataFile;
    } & SetContent)
  | ({ readonly kind: 'pack' | 'receipt' } & Shipment)
  | ({ readonly kind: 'file'; readonly name: string } & SetContent)
  | {
      readonly kind: 'verdict';
      readonly timestamp: string;
      readonly instant: string;
      readonly level: VerdictLevel;
    }
  | { readonly kind: 'lock-record'; readonly timestamp: string; readonly instant: string }
  | KeyDocumentKey
  | {
      readonly kind: 'retention';
      readonly timestamp: string;
      readonly instant: string;
      readonly what: RetentionMark;
    }
  | { readonly kind: 'expiry'; readonly instant: string }
  | ExportKey
  | ScheduleKey
  | LedgerKey
  | RequestKey
  | TaskKey
  | RestoreKey;

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

export const VERDICT_LEVELS = ['stitch', 'validate', 'verify', 'drill'] as const;
export type VerdictLevel = (typeof VERDICT_LEVELS)[number];
const SINGLES = ['plan', 'seal', 'manifest', 'dispatched'] as const;
/** Beside the parts of the manifest: what may create these may create it. */
const NEEDS = 'manifest/needs.json';

export { type Phase, taskPrefix } from './keys/more-keys.ts';
export { phasePrefix, RESTORES, restorePrefix } from './keys/restore-keys.ts';
export { hostKeyPrefix } from './keys/set-key-keys.ts';
export {
  agentsPrefix,
  locksPrefix,
  receiptsPrefix,
  retentionPrefix,
  SETS,
  sealPartsPrefix,
  setKeysPrefix,
  setPrefix,
} from './keys/set-prefixes.ts';
export { EXPIRIES, METADATA_FILES, type MetadataFile, PHASES, shipmentName, TASKS };

/** Prefix of all sets of a UTC day. */
export function setsOn(date: Date): string {
  return `${SETS}${timestampOf(date).slice(0, 8)}/`;
}

/** Prefix of all restores of a UTC day. */
export function restoresOn(date: Date): string {
  return `${RESTORES}${timestampOf(date).slice(0, 8)}`;
}

const FOLDERS: Readonly<Record<OfContent, string>> = {
  'base-part': 'base',
  witnesses: 'witnesses',
  'seal-part': SEAL_PARTS,
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
    case 'needs':
      return `${setPrefix(key.timestamp)}${NEEDS}`;
    case 'metadata':
      return `${setPrefix(key.timestamp)}metadata/${key.content}/${key.attempt}-${key.file}`;
    case 'pack':
      return `${setPrefix(key.timestamp)}data/${key.content}/${shipmentName(key)}.pack`;
    case 'file':
      return `${setPrefix(key.timestamp)}data/${key.content}/${key.name}`;
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
    case 'lock-record':
      return `${locksPrefix(key.timestamp)}${key.instant}.json`;
    case 'set-key':
    case 'host-key':
      return formatKeyDocument(key);
    case 'retention':
      return `${retentionPrefix(key.timestamp)}${key.instant}-${key.what}.json`;
    case 'expiry':
      return `${EXPIRIES}${key.instant}.json`;
    case 'export':
      return `${EXPORTS}${key.name}/${key.file}`;
    case 'schedule-run':
    case 'schedule-order':
    case 'heartbeat':
    case 'lease':
      return formatScheduleKey(key);
    case 'announcement-channel':
    case 'announcement':
      return formatLedgerKey(key);
    case 'asked-restore':
    case 'asked-restore-start':
    case 'asked-restore-end':
      return formatRequestKey(key);
    case 'task-request':
    case 'task-plan':
    case 'task-outcome':
    case 'slice-order':
    case 'slice-receipt':
      return formatTaskKey(key);
    case 'restore-request':
    case 'restore-plan':
    case 'restore-counts':
    case 'outcome':
    case 'restore-keys':
    case 'signed-restore':
    case 'order':
    case 'order-claim':
    case 'restore-receipt':
      return formatRestoreKey(key);
  }
}

/** The meaning of a key, or undefined for a text that no key formats to. */
export function parseKey(text: string): Key | undefined {
  const parsers: readonly [string, (text: string) => Key | undefined][] = [
    [SETS, parseSetKey],
    [TASKS, parseTaskKey],
    [EXPIRIES, parseExpiryKey],
    [EXPORTS, parseExportKey],
    ...SCHEDULE_PARSERS,
    ['announcements/', parseLedgerKey],
    [REQUESTS, parseRequestKey],
  ];
  const [, parse] = parsers.find(([prefix]) => text.startsWith(prefix)) ?? ['', parseRestoreKey];
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
      { where: { object: text } },
    );
  return key;
}

// Attempts and sequences count from 1.
const SHIPMENT =
  /^(receipts|data)\/(-1|\d{1,6})\/([1-9]\d{0,3})-(\d{1,4})-((?!0{6})\d{6})\.(json|pack)$/;
const OF_CONTENT = /^([a-z]+)\/(-1|\d{1,6})\.json$/;
const METADATA = /^metadata\/(-1|\d{1,6})\/([1-9]\d{0,3})-(.+)$/;
const VERDICT = /^verdicts\/(\d{17})-([a-z]+)\.json$/;

function parseSetKey(text: string): Key | undefined {
  const [, timestamp = '', rest = ''] = /^sets\/\d{8}\/(\d{14})\/(.+)$/s.exec(text) ?? [];
  if (!Timestamp.safeParse(timestamp).success) return undefined;
  if (rest === NEEDS) return { kind: 'needs', timestamp };
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
    const [content = 0, attempt = 0] = metadata.slice(1, 3).map(Number);
    return { kind: 'metadata', timestamp, content, attempt, file };
  }
  const mark =
    parseFile(rest) ?? parseMark(rest) ?? parseLockRecord(rest) ?? parseKeyDocument(rest);
  if (mark !== undefined) return { ...mark, timestamp };
  const verdict = VERDICT.exec(rest);
  const level = VERDICT_LEVELS.find((name) => name === verdict?.[2]);
  const instant = verdict?.[1] ?? '';
  if (level === undefined || !Instant.safeParse(instant).success) return undefined;
  return { kind: 'verdict', timestamp, instant, level };
}
