import { expect, test } from 'vitest';
import * as z from 'zod';
import { decode } from '../document.ts';
import { formatKey, type Key } from '../keys.ts';

const [timestamp, instant] = ['20260131010203', '20260131010203004'];
const [restore, task] = [`${instant}-0a1b2c3d`, `${instant}-${timestamp}-verify`];
const at = '2026-01-31T01:02:03.004Z';
const ofContent = { timestamp, content: 3 };
const numbers = { attempt: 1, worker: 2, sequence: 3 };
const SET_KINDS = ['plan', 'seal', 'manifest', 'dispatched', 'needs'] as const;
const CONTENT_KINDS = [
  ...(['witnesses', 'seal-part', 'manifest-part', 'backup-order', 'backup-report'] as const),
];
const PHASE_KINDS = ['order', 'restore-receipt'] as const;
const RESTORE_KINDS = [
  ...(['restore-request', 'restore-plan', 'restore-counts', 'signed-restore', 'outcome'] as const),
  ...(['asked-restore', 'asked-restore-start', 'asked-restore-end'] as const),
];
const TASK_KINDS = ['task-request', 'task-plan', 'task-outcome'] as const;
const SLICE_KINDS = ['slice-order', 'slice-receipt'] as const;

/** A key, and what its document repeats of it. */
type Place = readonly [Key, Readonly<Record<string, string | number>>];
const places: readonly Place[] = [
  ...SET_KINDS.map((kind) => [{ kind, timestamp }, { timestamp }] as const),
  ...CONTENT_KINDS.map((kind) => [{ kind, ...ofContent }, ofContent] as const),
  // A part of the manifest of another set.
  [{ kind: 'base-part', ...ofContent }, { content: 3 }],
  [
    { kind: 'receipt', ...ofContent, ...numbers },
    { ...ofContent, ...numbers },
  ],
  [
    { kind: 'verdict', timestamp, instant, level: 'verify' },
    { timestamp, level: 'verify', at },
  ],
  [
    { kind: 'lock-record', timestamp, instant },
    { timestamp, at },
  ],
  [{ kind: 'set-key', timestamp, instant }, { timestamp }],
  [
    { kind: 'host-key', timestamp, instant, keyId: '0a'.repeat(16) },
    { timestamp, keyId: '0a'.repeat(16) },
  ],
  [
    { kind: 'retention', timestamp, instant, what: 'held' },
    { timestamp, what: 'held' },
  ],
  ...RESTORE_KINDS.map((kind) => [{ kind, restore }, { id: restore }] as const),
  [
    { kind: 'restore-keys', restore, content: 3 },
    { id: restore, content: 3 },
  ],
  ...PHASE_KINDS.map(
    (kind) =>
      [
        { kind, restore, phase: 'data', content: 3 },
        { id: restore, phase: 'data', content: 3 },
      ] as const,
  ),
  ...TASK_KINDS.map((kind) => [{ kind, task }, { task }] as const),
  ...SLICE_KINDS.map(
    (kind) =>
      [
        { kind, task, slice: 3 },
        { task, slice: 3 },
      ] as const,
  ),
  [
    { kind: 'schedule-run', instant, entry: 'nightly', file: 'end' },
    { entry: 'nightly', scheduledAt: at },
  ],
  [
    { kind: 'schedule-order', instant, entry: 'nightly' },
    { entry: 'nightly', scheduledAt: at },
  ],
  [{ kind: 'lease', name: 'schedule', instant }, { from: at }],
  [{ kind: 'announcement-channel', channel: 'ops' }, { channel: 'ops' }],
  [
    { kind: 'announcement', event: `${instant}-set-complete`, channel: 'ops', step: 'sent' },
    { event: `${instant}-set-complete`, channel: 'ops' },
  ],
];
const read = (key: string, document: object) =>
  decode(z.looseObject({}), { key, bytes: Buffer.from(JSON.stringify(document)) });

test.each(places.map(([key, fields]) => [key.kind, formatKey(key), fields] as const))(
  'the document of another place is not read as a %s',
  (_, key, fields) => {
    expect(read(key, fields)).toEqual(fields);
    for (const [field, value] of Object.entries(fields)) {
      const other = typeof value === 'number' ? value + 1 : value.replaceAll('2026', '2027');
      const changed = { ...fields, [field]: other === value ? `${value}0` : other };
      expect(() => read(key, changed)).toThrow(
        `${key}: field ${field} of the document is ${String(changed[field])} instead of `,
      );
    }
  },
);

test('a field that a document has under the name of a part of another key is not compared', () => {
  const order = formatKey({ kind: 'restore-request', restore });
  expect(read(order, { id: restore, timestamp: '20250101000000', level: 3 })).toMatchObject({});
  expect(read('not of the format', { timestamp: 1 })).toEqual({ timestamp: 1 });
});
