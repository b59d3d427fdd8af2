import { describe, expect, test } from 'vitest';
import { formatKey, type Key } from '../../backup-set/keys.ts';
import { isAnnounced } from '../../functions/announcement.ts';
import { jobOf } from '../../functions/route.ts';
import { LANES } from './lanes.mjs';

const timestamp = '20260131020304';
const instant = `${timestamp}567`;
const restore = `${instant}-0123abcd`;
const shipment = { timestamp, content: -1, attempt: 1, worker: 2, sequence: 3 };
const task = `${instant}-${timestamp}-verify`;

/** One key of each kind. */
const KEYS: { readonly [Kind in Key['kind']]: string } = Object.fromEntries(
  (
    [
      { kind: 'plan', timestamp },
      { kind: 'seal', timestamp },
      { kind: 'manifest', timestamp },
      { kind: 'dispatched', timestamp },
      { kind: 'seal-part', timestamp, content: 0 },
      { kind: 'manifest-part', timestamp, content: 0 },
      { kind: 'backup-order', timestamp, content: 0 },
      { kind: 'backup-claim', timestamp, content: 0 },
      { kind: 'backup-report', timestamp, content: 0 },
      { kind: 'metadata', timestamp, content: -1, attempt: 1, file: 'schema.dump' },
      { kind: 'pack', ...shipment },
      { kind: 'receipt', ...shipment },
      { kind: 'verdict', timestamp, instant, level: 'validate' },
      { kind: 'task-request', task },
      { kind: 'task-plan', task },
      { kind: 'task-outcome', task },
      { kind: 'slice-order', task, slice: 1 },
      { kind: 'slice-receipt', task, slice: 1 },
      { kind: 'restore-request', restore },
      { kind: 'restore-plan', restore },
      { kind: 'outcome', restore },
      { kind: 'order', restore, phase: 'data', content: 0 },
      { kind: 'order-claim', restore, phase: 'data', content: 0 },
      { kind: 'restore-receipt', restore, phase: 'data', content: 0 },
    ] satisfies Key[]
  ).map((key) => [key.kind, formatKey(key)]),
) as { [Kind in Key['kind']]: string };

/** As EventBridge compares: `*` is anything, slashes too. */
function matches(pattern: string, key: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.\\+?^${}()|[\]]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(key);
}

const lanesOf = (key: string) =>
  LANES.filter(({ keys }) => keys.some((pattern) => matches(pattern, key))).map(({ name }) => name);

describe('the lanes from the bucket to the functions', () => {
  test.each(Object.entries(KEYS))('%s wakes the function that waits for it, and no other', (_kind, key) => {
    const work = jobOf(key)?.work ?? (isAnnounced(key) ? 'announce' : undefined);
    const expected = LANES.filter((lane) => work !== undefined && lane.work.includes(work));
    expect(lanesOf(key)).toEqual(expected.map(({ name }) => name));
    if (work !== undefined) expect(expected).toHaveLength(1);
  });

  /** What each function writes; docs/security.md gives it the right to nothing else. */
  const WRITES: Readonly<Record<string, readonly Key['kind'][]>> = {
    stitch: ['manifest-part', 'manifest', 'verdict'],
    validate: ['verdict'],
    coordinateRestore: ['verdict', 'restore-plan', 'order', 'outcome'],
    trackRestore: ['order', 'outcome'],
    announce: [],
  };

  test('no function writes a key that leads back to it, by whatever way', () => {
    const wakes = (name: string) => new Set((WRITES[name] ?? []).flatMap((kind) => lanesOf(KEYS[kind])));
    for (const { name } of LANES) {
      expect(WRITES).toHaveProperty(name);
      const reached = new Set<string>();
      let next = wakes(name);
      while (next.size > 0) {
        for (const other of next) reached.add(other);
        next = new Set(
          [...next].flatMap((other) => [...wakes(other)]).filter((other) => !reached.has(other)),
        );
      }
      expect([...reached]).not.toContain(name);
    }
  });
});
