import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { consistentSet } from '../testing/arbitraries.ts';
import { receiptDocument } from '../testing/builders.ts';
import { HOSTILE_NAMES } from '../testing/names.ts';
import { isStowageError } from './errors.ts';
import type { LedgerStep } from './keys/ledger-keys.ts';
import { RETENTION_MARKS } from './keys/more-keys.ts';
import { LEASE_NAMES } from './keys/schedule-keys.ts';
import {
  formatKey,
  type Key,
  METADATA_FILES,
  PHASES,
  parseKey,
  requireKey,
  VERDICT_LEVELS,
} from './keys.ts';
import { instantOf, SLICE_WORKS, timestampOf } from './timestamps.ts';

const date = fc.date({
  min: new Date('1970-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
});
const timestamp = date.map(timestampOf);
const instant = date.map(instantOf);
const content = fc.integer({ min: -1, max: 999_999 });
const restore = fc
  .tuple(instant, fc.stringMatching(/^[0-9a-f]{8}$/))
  .map((parts) => parts.join('-'));
const attempt = fc.integer({ min: 1, max: 9999 });
const worker = fc.integer({ min: 0, max: 9999 });
const sequence = fc.integer({ min: 1, max: 999_999 });
const slice = fc.integer({ min: 0, max: 999_999 });
const scheduleName = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/);
const task = fc
  .tuple(instant, timestamp, fc.constantFrom(...SLICE_WORKS))
  .map((parts) => parts.join('-'));

/** One arbitrary per kind. The type requires every kind. */
const KINDS: { readonly [Kind in Key['kind']]: fc.Arbitrary<Key & { kind: Kind }> } = {
  plan: fc.record({ kind: fc.constant('plan'), timestamp }),
  seal: fc.record({ kind: fc.constant('seal'), timestamp }),
  manifest: fc.record({ kind: fc.constant('manifest'), timestamp }),
  dispatched: fc.record({ kind: fc.constant('dispatched'), timestamp }),
  'base-part': fc.record({ kind: fc.constant('base-part'), timestamp, content }),
  witnesses: fc.record({ kind: fc.constant('witnesses'), timestamp, content }),
  'seal-part': fc.record({ kind: fc.constant('seal-part'), timestamp, content }),
  'manifest-part': fc.record({ kind: fc.constant('manifest-part'), timestamp, content }),
  'backup-order': fc.record({ kind: fc.constant('backup-order'), timestamp, content }),
  'backup-claim': fc.record({ kind: fc.constant('backup-claim'), timestamp, content }),
  'backup-report': fc.record({ kind: fc.constant('backup-report'), timestamp, content }),
  metadata: fc.record({
    kind: fc.constant('metadata'),
    timestamp,
    content,
    attempt,
    file: fc.constantFrom(...METADATA_FILES),
  }),
  file: fc.record({
    kind: fc.constant('file'),
    timestamp,
    content,
    name: fc.stringMatching(/^gpbackup_[\w.-]{1,200}$/),
  }),
  pack: fc.record({ kind: fc.constant('pack'), timestamp, content, attempt, worker, sequence }),
  receipt: fc.record({
    kind: fc.constant('receipt'),
    timestamp,
    content,
    attempt,
    worker,
    sequence,
  }),
  verdict: fc.record({
    kind: fc.constant('verdict'),
    timestamp,
    instant,
    level: fc.constantFrom(...VERDICT_LEVELS),
  }),
  'lock-record': fc.record({ kind: fc.constant('lock-record'), timestamp, instant }),
  'set-key': fc.record({ kind: fc.constant('set-key'), timestamp, instant }),
  'host-key': fc.record({
    kind: fc.constant('host-key'),
    timestamp,
    keyId: fc.stringMatching(/^[0-9a-f]{32}$/),
    instant,
  }),
  needs: fc.record({ kind: fc.constant('needs'), timestamp }),
  retention: fc.record({
    kind: fc.constant('retention'),
    timestamp,
    instant,
    what: fc.constantFrom(...RETENTION_MARKS),
  }),
  expiry: fc.record({ kind: fc.constant('expiry'), instant }),
  'announcement-channel': fc.record({
    kind: fc.constant('announcement-channel'),
    channel: fc.stringMatching(/^[a-z][a-z0-9_]{0,31}$/),
  }),
  announcement: fc.record({
    kind: fc.constant('announcement'),
    event: fc
      .tuple(instant, fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,40}$/))
      .map((parts) => parts.join('-')),
    channel: fc.stringMatching(/^[a-z][a-z0-9_]{0,31}$/),
    step: fc.constantFrom<LedgerStep>('sent', 'failed', 1, 2, 3, 4, 5, 6),
  }),
  export: fc.record({
    kind: fc.constant('export'),
    name: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}(\.[a-z0-9]{1,5})?$/),
    file: fc.constantFrom('receipt.json', 'rows.csv', 'rows.text.zst', 'rows.parquet'),
  }),
  'schedule-run': fc.record({
    kind: fc.constant('schedule-run'),
    instant,
    entry: scheduleName,
    file: fc.constantFrom('start' as const, 'end' as const),
  }),
  'schedule-order': fc.record({
    kind: fc.constant('schedule-order'),
    instant,
    entry: scheduleName,
  }),
  heartbeat: fc.record({
    kind: fc.constant('heartbeat'),
    program: fc.stringMatching(/^[0-9a-f]{16}$/),
    instant,
  }),
  lease: fc.record({ kind: fc.constant('lease'), name: fc.constantFrom(...LEASE_NAMES), instant }),
  'task-request': fc.record({ kind: fc.constant('task-request'), task }),
  'task-plan': fc.record({ kind: fc.constant('task-plan'), task }),
  'task-outcome': fc.record({ kind: fc.constant('task-outcome'), task }),
  'slice-order': fc.record({ kind: fc.constant('slice-order'), task, slice }),
  'slice-receipt': fc.record({ kind: fc.constant('slice-receipt'), task, slice }),
  'asked-restore': fc.record({ kind: fc.constant('asked-restore'), restore }),
  'asked-restore-start': fc.record({ kind: fc.constant('asked-restore-start'), restore }),
  'asked-restore-end': fc.record({ kind: fc.constant('asked-restore-end'), restore }),
  'restore-request': fc.record({ kind: fc.constant('restore-request'), restore }),
  'restore-plan': fc.record({ kind: fc.constant('restore-plan'), restore }),
  'restore-counts': fc.record({ kind: fc.constant('restore-counts'), restore }),
  outcome: fc.record({ kind: fc.constant('outcome'), restore }),
  'signed-restore': fc.record({ kind: fc.constant('signed-restore'), restore }),
  'restore-keys': fc.record({ kind: fc.constant('restore-keys'), restore, content }),
  order: fc.record({
    kind: fc.constant('order'),
    restore,
    phase: fc.constantFrom(...PHASES),
    content,
  }),
  'order-claim': fc.record({
    kind: fc.constant('order-claim'),
    restore,
    phase: fc.constantFrom(...PHASES),
    content,
  }),
  'restore-receipt': fc.record({
    kind: fc.constant('restore-receipt'),
    restore,
    phase: fc.constantFrom(...PHASES),
    content,
  }),
};
const anyKey: fc.Arbitrary<Key> = fc.oneof(...Object.values(KINDS));

describe.each(Object.entries(KINDS))('a %s key', (_, key: fc.Arbitrary<Key>) => {
  test('parses from its text, and formats to the same text', () => {
    fc.assert(
      fc.property(key, (made) => {
        const text = formatKey(made);
        const parsed = parseKey(text);
        expect(parsed).toEqual(made);
        expect(parsed && formatKey(parsed)).toBe(text);
      }),
    );
  });
});

test('two different keys have different texts', () => {
  fc.assert(
    fc.property(anyKey, anyKey, (a, b) => {
      expect(formatKey(a) === formatKey(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});

test('a text one edit away from a key parses only if the result formats to it', () => {
  const edit = fc.record({
    at: fc.nat(),
    cut: fc.nat(2),
    put: fc.constantFrom(
      '',
      '0',
      '1',
      '-',
      '/',
      '.',
      '..',
      'a',
      'A',
      '\n',
      '\0',
      ' ',
      '%2e',
      '9',
      '٣',
    ),
  });
  fc.assert(
    fc.property(anyKey, edit, (key, { at, cut, put }) => {
      const text = formatKey(key);
      const start = at % (text.length + 1);
      const edited = text.slice(0, start) + put + text.slice(start + cut);
      const parsed = parseKey(edited);
      if (parsed !== undefined) expect(formatKey(parsed)).toBe(edited);
    }),
    { numRuns: 1000 },
  );
});

test('a random text is not a key, and requireKey throws set/unreadable', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.constantFrom(...HOSTILE_NAMES)), (text) => {
      expect(parseKey(text)).toBeUndefined();
      expect(parseKey(`sets/20260131/20260131120000/${text}`)).toBeUndefined();
      expect(parseKey(`restores/20260131120000000-0123abcd/${text}`)).toBeUndefined();
      let error: unknown;
      try {
        requireKey(text);
      } catch (thrown) {
        error = thrown;
      }
      expect(isStowageError(error, 'set/unreadable')).toBe(true);
    }),
  );
});

const SET = 'sets/20260131/20260131120000';
const RESTORE = 'restores/20260131120000123-0123abcd';
test.each([
  ['a wrong day folder', 'sets/20260130/20260131120000/plan.json'],
  ['a day that does not exist', 'sets/20260230/20260230120000/plan.json'],
  ['a second that does not exist', 'sets/20260131/20260131120060/plan.json'],
  ['hour 24', 'sets/20260131/20260131240000/plan.json'],
  ['a leading slash', `/${SET}/plan.json`],
  ['a doubled slash', `${SET}//plan.json`],
  ['a trailing newline', `${SET}/plan.json\n`],
  ['a trailing slash', `${SET}/plan.json/`],
  ['path traversal', `${SET}/../20260131120000/plan.json`],
  ['path traversal in a metadata file', `${SET}/metadata/0/1-../schema.dump`],
  ['an unknown metadata file', `${SET}/metadata/0/1-passwd`],
  ['an upper case name', `${SET}/PLAN.json`],
  ['a content with a leading zero', `${SET}/receipts/00/1-1-000001.json`],
  ['content minus zero', `${SET}/receipts/-0/1-1-000001.json`],
  ['content −2', `${SET}/receipts/-2/1-1-000001.json`],
  ['an attempt with a leading zero', `${SET}/receipts/0/01-1-000001.json`],
  ['attempt 0', `${SET}/receipts/0/0-1-000001.json`],
  ['attempt 0 of metadata', `${SET}/metadata/0/0-schema.dump`],
  ['a worker with a leading zero', `${SET}/receipts/0/1-01-000001.json`],
  ['sequence 0', `${SET}/receipts/0/1-1-000000.json`],
  ['five digits of sequence', `${SET}/receipts/0/1-1-00001.json`],
  ['seven digits of sequence', `${SET}/receipts/0/1-1-0000001.json`],
  ['a receipt among the data', `${SET}/data/0/1-1-000001.json`],
  ['a pack among the receipts', `${SET}/receipts/0/1-1-000001.pack`],
  ['an unknown level', `${SET}/verdicts/20260131120000123-guess.json`],
  ['a wrapped key at no instant', `${SET}/keys/20260131120000.json`],
  ['a verdict at no instant', `${SET}/verdicts/20260131120000-stitch.json`],
  ['upper case hexadecimal digits', 'restores/20260131120000123-0123ABCD/request.json'],
  [
    'a restore at an instant that does not exist',
    'restores/20261331120000123-0123abcd/request.json',
  ],
  ['an unknown phase', `${RESTORE}/orders/grace/0.json`],
  ['a phase of a prototype', `${RESTORE}/orders/constructor/0.json`],
  ['a set below restores', `${RESTORE}/seal.json`],
])('%s is not a key', (_, text) => {
  expect(parseKey(text)).toBeUndefined();
});

test('keys of receipts parse, and do not contain names of relations', () => {
  fc.assert(
    fc.property(consistentSet, ({ sealed, dead }) => {
      for (const receipt of [...sealed, ...dead]) {
        expect(parseKey(receiptDocument(receipt).key)).toMatchObject({
          kind: 'receipt',
          content: receipt.content,
        });
        expect(parseKey(receipt.object.key)).toMatchObject({ attempt: receipt.attempt });
        expect(receipt.object.key).toMatch(/^[\w./-]+$/);
      }
    }),
  );
});
