import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Heard } from '../../functions/heard/heard.ts';
import type { ScheduledRun } from '../../functions/schedule/runs.ts';
import type { SetSummary } from '../../functions/sets/status.ts';
import { NO_SCREEN } from '../output/table/screen.ts';
import type { Entry } from '../schedule/entries.ts';
import { overdueInstant } from '../schedule/overdue.ts';
import { attentionOf } from './attention.ts';
import type { EntryStatus, Status } from './collect.ts';
import { statusText } from './text.ts';

const NOW = new Date('2026-11-29T12:00:00Z');
const at = (text: string) => new Date(`2026-11-${text}:00Z`);

const ENTRY: Entry = {
  name: 'nightly',
  job: 'backup',
  args: ['backup'],
  cron: '0 2 * * *',
  timeZone: 'UTC',
  jitterMs: 0,
  catchUpMs: 0,
  timeoutMs: 3_600_000,
};

const set = (more: Partial<SetSummary> = {}): SetSummary =>
  ({
    timestamp: '20261129020000',
    status: 'complete',
    database: 'shop',
    tags: [],
    needs: [],
    elapsedMs: 60_000,
    totals: { relations: 12, storedBytes: 5e9 },
    verdict: { level: 'validate', status: 'complete', at: '2026-11-29T02:30:00.000Z' },
    ...more,
  }) as unknown as SetSummary;

const run = (more: Partial<ScheduledRun> = {}): ScheduledRun => ({
  entry: 'nightly',
  instant: at('29T02:00'),
  hasEnded: true,
  start: undefined,
  end: undefined,
  state: 'done',
  ...more,
});

const entryStatus = (more: Partial<EntryStatus> = {}): EntryStatus => ({
  entry: ENTRY,
  last: run(),
  next: at('30T02:00'),
  overdue: undefined,
  ...more,
});

const heard = (name: string, minutes: number, ...contents: number[]): Heard => ({
  role: 'agent',
  name,
  tool: 'stowage 1',
  lastAt: new Date(NOW.getTime() - minutes * 60_000),
  isOverdue: minutes > 35,
  contents: contents.map((content) => ({ content, host: `db${content}`, port: 5432 })),
});

const status = (more: Partial<Status> = {}): Status => ({
  root: 's3://offsite/shop',
  cluster: 'shop',
  now: NOW,
  sets: [set()],
  complete: set(),
  drill: undefined,
  restores: [],
  requests: [],
  unreadable: [],
  entries: [entryStatus()],
  runner: undefined,
  runners: [heard('db1', 2)],
  strangeOrders: [],
  copy: undefined,
  agents: undefined,
  segments: 4,
  hosts: 4,
  ...more,
});

const codesOf = (more: Partial<Status>) => attentionOf(status(more)).map(({ code }) => code);

test('nothing needs attention when the last set is complete and the last runs are done', () => {
  expect(codesOf({})).toEqual([]);
});

test.each<[string, Partial<Status>, string[]]>([
  ['there is no set', { sets: [], complete: undefined }, ['no-complete-set']],
  [
    'a newer set is incomplete',
    { sets: [set({ status: 'incomplete' }), set()] },
    ['set-incomplete'],
  ],
  ['a set is damaged', { sets: [set({ status: 'damaged' })] }, ['set-damaged']],
  [
    'another database has no complete set that is newer than its incomplete one',
    { sets: [set(), set({ database: 'crm', status: 'incomplete' })] },
    ['set-incomplete'],
  ],
  ['the newest complete set is too old', { overdueAfterMs: 9 * 3_600_000 }, ['backup-overdue']],
  ['a run failed', { entries: [entryStatus({ last: run({ state: 'failed' }) })] }, ['run-failed']],
  ['a runner died', { entries: [entryStatus({ last: run({ state: 'lost' }) })] }, ['run-lost']],
  ['a run is overdue', { entries: [entryStatus({ overdue: at('29T02:00') })] }, ['run-overdue']],
  [
    'a drill failed',
    { drill: { set: '20261129020000', at: NOW.toISOString(), status: 'failed', problemsTotal: 2 } },
    ['drill-failed'],
  ],
  ['the copy is missing', { copy: { root: 's3://b', hasNewest: false } }, ['copy-missing']],
  [
    'the other place is silent',
    { copy: { root: 's3://b', hasNewest: undefined, trouble: 'denied' } },
    ['copy-unknown'],
  ],
  [
    'an order has no agent',
    { agents: { newest: { orders: 4, claimed: 3 }, heard: [heard('db0', 2, 0)], wanted: [] } },
    ['agents-silent'],
  ],
  [
    'an agent is overdue',
    { agents: { newest: undefined, heard: [heard('db0', 40, 0), heard('db1', 2, 1)], wanted: [] } },
    ['agent-overdue'],
  ],
  ['no runner is heard', { runners: [heard('db1', 40)] }, ['no-runner']],
  [
    'an order names no entry',
    { strangeOrders: [{ entry: 'old', instant: NOW }] },
    ['order-unknown'],
  ],
])('attention is needed when %s', (_, more, codes) => {
  expect(codesOf(more)).toEqual(codes);
});

test('an incomplete set needs no attention when a newer one of its database is complete', () => {
  expect(codesOf({ sets: [set(), set({ status: 'incomplete' })] })).toEqual([]);
});

test('a set without a copy needs no attention until the copy has had its time', () => {
  const verdict = {
    level: 'validate',
    status: 'complete',
    at: '2026-11-29T11:00:00.000Z',
  } as const;
  expect(
    codesOf({ copy: { root: 's3://b', hasNewest: false }, complete: set({ verdict }) }),
  ).toEqual([]);
});

describe('an entry is overdue', () => {
  test.each([
    ['half an hour after its time', '28T02:00', '29T02:31', '2026-11-29T02:00'],
    ['not before that', '28T02:00', '29T02:29', undefined],
    ['not when it has begun', '29T02:00', '29T09:00', undefined],
    ['not when it never ran', undefined, '29T09:00', undefined],
  ])('%s', (_, last, now, overdue) => {
    const found = overdueInstant(ENTRY, 's3://a', {
      last: last === undefined ? undefined : at(last),
      isBusy: false,
      now: at(now),
    });
    expect(found?.toISOString().slice(0, 16)).toBe(overdue);
  });
});

test.each([
  ['not while another run is running, when it can be caught up', 43_200_000, undefined],
  ['while another run is running, when it is then too late', 0, '2026-11-29T02:00'],
])('an entry is overdue %s', (_, catchUpMs, overdue) => {
  const seen = { last: at('28T02:00'), isBusy: true, now: at('29T03:00') };
  const found = overdueInstant({ ...ENTRY, catchUpMs }, 's3://a', seen);
  expect(found?.toISOString().slice(0, 16)).toBe(overdue);
});

test('the text fits 80 columns and one screen, also with long names, errors and many entries', () => {
  const text = fc.string({ maxLength: 300 });
  fc.assert(
    fc.property(text, text, fc.integer({ min: 0, max: 8 }), (root, message, entries) => {
      const failed = run({ state: 'failed', end: { message, exitCode: 6 } as ScheduledRun['end'] });
      const all = status({
        root: `s3://${root.replaceAll(' ', '-')}`,
        entries: Array.from({ length: entries }, () => entryStatus({ last: failed })),
        copy: { root: `s3://${root}`, hasNewest: true },
      });
      const lines = statusText(all, attentionOf(all), NO_SCREEN).split('\n');
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
      expect(lines.length).toBeLessThan(60);
    }),
  );
});

test('the text says what runs, what was last and what is next', () => {
  const all = status({
    sets: [set({ status: 'open', timestamp: '20261129114500' }), set()],
    drill: {
      set: '20261122020000',
      at: '2026-11-23T12:00:00.000Z',
      status: 'passed',
      problemsTotal: 0,
      goodAt: '2026-11-23T12:00:00.000Z',
    },
  });
  const printed = statusText(all, attentionOf(all), NO_SCREEN);
  expect(printed).toMatch(/^nothing needs attention$/m);
  expect(printed).toMatch(/^running +backup 20261129114500 for 15 min$/m);
  expect(printed).toMatch(/^last set +20261129020000 complete, 10 h old, database shop/m);
  expect(printed).toMatch(/^drill +passed 6 d ago \(set 20261122020000\)$/m);
  expect(printed).toMatch(/^next +nightly in 14 h \(2026-11-30 02:00 UTC\)$/m);
  expect(printed).toMatch(/^schedule +nightly done 10 h ago$/m);
});
