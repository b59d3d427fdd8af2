import { RETENTION_MARKS } from '../../../backup-set/base/keys/more-keys.ts';
import { formatKey, type Key, VERDICT_LEVELS } from '../../../backup-set/base/keys.ts';

/** The ids from which the keys of every kind are built. */
export interface Ids {
  readonly timestamp: string;
  readonly restore: string;
  /** `<instant>-<timestamp>`; the name of the work is appended. */
  readonly task: string;
  /** Makes the keys of one call differ from those of another. */
  readonly number: number;
}

/** Class → keys, as docs/security.md lists them. Every kind of key is in exactly one class. */
export function keyClasses({
  timestamp,
  restore,
  task,
  number,
}: Ids): ReadonlyMap<string, readonly string[]> {
  const content = number;
  const shipment = { timestamp, content: 0, attempt: 1, worker: 1, sequence: number + 1 };
  const instant = `${timestamp}${String(number).padStart(3, '0')}`;
  const ofTask = (kind: 'task-request' | 'task-plan' | 'task-outcome') =>
    both((id) => ({ kind, task: id }));
  const ofSlice = (kind: 'slice-order' | 'slice-receipt') =>
    both((id) => ({ kind, task: id, slice: number }));
  const both = (keyOf: (task: string) => Key) => [
    keyOf(`${task}-verify`),
    keyOf(`${task}-replicate`),
  ];
  const ofSet = <
    Kind extends
      | 'base-part'
      | 'witnesses'
      | 'seal-part'
      | 'manifest-part'
      | 'backup-order'
      | 'backup-claim'
      | 'backup-report',
  >(
    kind: Kind,
  ): Key[] => [{ kind, timestamp, content }];
  const ofPhase = (kind: 'order' | 'order-claim' | 'restore-receipt'): Key[] => [
    { kind, restore, phase: 'data', content },
  ];
  const samples: Record<Key['kind'], readonly Key[]> = {
    plan: [{ kind: 'plan', timestamp }],
    dispatched: [{ kind: 'dispatched', timestamp }],
    seal: [{ kind: 'seal', timestamp }],
    manifest: [{ kind: 'manifest', timestamp }],
    'base-part': ofSet('base-part'),
    witnesses: ofSet('witnesses'),
    'seal-part': ofSet('seal-part'),
    'manifest-part': ofSet('manifest-part'),
    'backup-order': ofSet('backup-order'),
    'backup-claim': ofSet('backup-claim'),
    'backup-report': ofSet('backup-report'),
    metadata: [{ kind: 'metadata', timestamp, content, attempt: 1, file: 'schema.dump' }],
    pack: [{ kind: 'pack', ...shipment }],
    file: [{ kind: 'file', timestamp, content, name: `gpbackup_0_${timestamp}_16384.gz` }],
    receipt: [{ kind: 'receipt', ...shipment }],
    verdict: VERDICT_LEVELS.map((level) => ({
      kind: 'verdict',
      timestamp,
      instant,
      level,
    })),
    'lock-record': [{ kind: 'lock-record', timestamp, instant }],
    'set-key': [{ kind: 'set-key', timestamp, instant }],
    'host-key': [{ kind: 'host-key', timestamp, keyId: '0a'.repeat(16), instant }],
    needs: [{ kind: 'needs', timestamp }],
    retention: RETENTION_MARKS.map((what) => ({ kind: 'retention', timestamp, instant, what })),
    expiry: [{ kind: 'expiry', instant }],
    export: ['receipt.json', 'rows.csv.gz'].map((file) => ({
      kind: 'export',
      name: `sales-${instant}`,
      file,
    })),
    'schedule-run': (['start', 'end'] as const).map((file) => ({
      kind: 'schedule-run',
      instant,
      entry: 'nightly',
      file,
    })),
    'schedule-order': [{ kind: 'schedule-order', instant, entry: 'nightly' }],
    heartbeat: [{ kind: 'heartbeat', program: '0123456789abcdef', instant }],
    lease: [{ kind: 'lease', name: 'schedule', instant }],
    'announcement-channel': [{ kind: 'announcement-channel', channel: `ops_${instant}` }],
    announcement: ([1, 'sent', 'failed'] as const).map((step) => ({
      kind: 'announcement',
      event: `${instant}-set-complete`,
      channel: 'ops',
      step,
    })),
    'task-request': ofTask('task-request'),
    'task-plan': ofTask('task-plan'),
    'task-outcome': ofTask('task-outcome'),
    'slice-order': ofSlice('slice-order'),
    'slice-receipt': ofSlice('slice-receipt'),
    'asked-restore': [{ kind: 'asked-restore', restore }],
    'asked-restore-start': [{ kind: 'asked-restore-start', restore }],
    'asked-restore-end': [{ kind: 'asked-restore-end', restore }],
    'restore-request': [{ kind: 'restore-request', restore }],
    'restore-keys': [{ kind: 'restore-keys', restore, content }],
    'signed-restore': [{ kind: 'signed-restore', restore }],
    'restore-plan': [{ kind: 'restore-plan', restore }],
    'restore-counts': [{ kind: 'restore-counts', restore }],
    outcome: [{ kind: 'outcome', restore }],
    order: ofPhase('order'),
    'order-claim': ofPhase('order-claim'),
    'restore-receipt': ofPhase('restore-receipt'),
  };
  return Map.groupBy(Object.values(samples).flat(), classOf)
    .entries()
    .reduce(
      (classes, [name, keys]) => classes.set(name, keys.map(formatKey)),
      new Map<string, string[]>(),
    );
}

function classOf(key: Key): string {
  switch (key.kind) {
    case 'plan':
    case 'outcome':
    case 'restore-plan':
    case 'restore-counts':
    case 'restore-keys':
      return key.kind;
    case 'base-part':
      return 'base';
    case 'witnesses':
      return 'plan';
    case 'pack':
    case 'file':
    case 'metadata':
      return 'packs';
    case 'receipt':
      return 'receipts';
    case 'seal':
    case 'seal-part':
      return 'seal';
    case 'manifest':
    case 'manifest-part':
    case 'needs':
      return 'manifest';
    case 'retention':
      return key.what === 'expired' || key.what === 'ended' ? 'tombstones' : 'holds';
    case 'expiry':
      return 'expiry-runs';
    case 'export':
      return 'exports';
    case 'schedule-run':
      return 'schedule-runs';
    case 'schedule-order':
      return 'schedule-orders';
    case 'heartbeat':
      return 'heartbeats';
    case 'lease':
      return 'leases';
    case 'announcement-channel':
    case 'announcement':
      return 'announcements';
    case 'verdict':
      return `verdicts-${key.level}`;
    case 'set-key':
      return 'keys';
    case 'signed-restore':
      return 'restore-keys';
    case 'host-key':
      return 'host-keys';
    case 'lock-record':
      return 'locks';
    case 'dispatched':
    case 'backup-order':
      return 'orders';
    case 'backup-claim':
    case 'backup-report':
      return 'claims';
    case 'asked-restore':
      return 'console-requests';
    case 'asked-restore-start':
    case 'asked-restore-end':
      return 'console-runs';
    case 'restore-request':
      return 'request';
    case 'order':
      return 'restore-orders';
    case 'order-claim':
      return 'restore-claims';
    case 'restore-receipt':
      return 'restore-receipts';
    case 'task-request':
      return `${workOf(key.task)}-request`;
    case 'task-outcome':
      // The end of a copy is announced by its outcome, the end of a verification by its verdict.
      return workOf(key.task) === 'replicate' ? 'replicate-outcome' : 'verify-plan';
    case 'task-plan':
    case 'slice-order':
      return `${workOf(key.task)}-plan`;
    case 'slice-receipt':
      return `${workOf(key.task)}-receipts`;
  }
}

const workOf = (task: string) => task.slice(task.lastIndexOf('-') + 1);

/** The prefixes that a client lists to find such keys: the folder of the class, if it has one. */
export function listingOf(keys: readonly string[]): string[] {
  const folders = keys.map((key) => key.slice(0, key.lastIndexOf('/') + 1));
  const roots = folders.filter((folder) =>
    /^(sets\/\d+\/\d+|restores\/[^/]+|tasks\/[^/]+)\/$/.test(folder),
  );
  const deeper = folders.filter((folder) => !roots.includes(folder));
  return deeper.length > 0 ? deeper : roots.slice(0, 1);
}
