import { describe, expect, test } from 'vitest';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { DrillFacts } from '../../backup-set/base/verdict/drill-facts.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import type { Outcome } from '../../backup-set/documents/restore/restore.ts';
import { differences, majorOf } from './compare.ts';
import { findingOf, isFinding, wholeMsOf } from './finding.ts';
import { type FoundServer, refusalOf } from './require-scratch.ts';
import { roomProblem } from './room.ts';
import { drillText } from './text.ts';

const FACTS = {
  scope: 'sample',
  restored: { relations: 2, rows: 10, bytes: 100 },
  set: { relations: 4, rows: 40, bytes: 1000 },
  compared: { relations: 2, rows: 10 },
  target: 'throwaway',
  leftOut: 1,
  restoreMs: 500,
  compareMs: 10,
} as DrillFacts;
const verdictOf = (drill: DrillFacts) =>
  ({
    timestamp: '20261129020000',
    status: 'complete',
    drill,
    problems: [],
    problemsTotal: 0,
  }) as unknown as Verdict;

test('the text of a drill says how many tables were only counted', () => {
  expect(drillText(verdictOf(FACTS))).toContain('compared 10 rows of 2 tables with the set');
  const partly = { ...FACTS, compared: { relations: 1, rows: 4 } };
  expect(drillText(verdictOf(partly))).toContain('4 rows of 1 of 2 tables (1 only counted)');
});

test.each([
  [1_000_000_000, 1_560_000_000, undefined],
  [1_000_000_000, 1_559_000_000, /^\/tmp has 1\.56 GB free, .* need about 1\.56 GB: set TMPDIR/],
])(
  'a drill of %i bytes of rows with %i bytes free is refused when it would fill the disk',
  (rowBytes, freeBytes, problem) => {
    const found = roomProblem({ rowBytes, freeBytes, servers: 1, folder: '/tmp' });
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(problem);
  },
);

const CHECKED = { objects: 1, bytes: 1 };
const restored = (more: Partial<Outcome> = {}) =>
  ({ ok: true, outcome: { status: 'restored', problems: [], ...more } as Outcome }) as const;

describe('the finding of a drill', () => {
  const missing = { code: 'need-missing', message: 'a key' } as const;
  test('is good when a sample only lacks what needs other tables', () => {
    const outcome = restored({ leftOut: [missing], leftOutTotal: 1 });
    expect(findingOf(outcome, [], FACTS, CHECKED)).toMatchObject({ status: 'complete' });
    const whole = { ...FACTS, scope: 'all' } as const;
    expect(findingOf(outcome, [], whole, CHECKED)).toMatchObject({
      status: 'incomplete',
      problems: [missing],
    });
  });
  test('is never damaged, and has a problem for every restore that failed', () => {
    const failed = findingOf(restored({ status: 'failed' }), [], FACTS, CHECKED);
    expect(failed).toMatchObject({ status: 'incomplete', problemsTotal: 1 });
    const error = new StowageError('restore/refused', 'no such locale');
    expect(findingOf({ ok: false, error }, [], FACTS, CHECKED)).toMatchObject({
      status: 'incomplete',
      problems: [{ code: 'drill-failed', cause: 'restore/refused' }],
    });
  });
  test.each([
    ['restore/refused', true],
    ['database/failed', true],
    ['set/damaged', true],
    ['interrupted', false],
    ['storage/denied', false],
    ['config/invalid', false],
    ['set/not-found', false],
  ] as const)('a failure with %s is a finding: %s', (code, isOne) => {
    expect(isFinding(new StowageError(code, 'x'))).toBe(isOne);
  });
});

test.each([
  [{ ...FACTS, scope: 'all' }, 500],
  [FACTS, 5000],
  [{ ...FACTS, restored: { relations: 1, rows: 0, bytes: 0 } }, undefined],
] as [DrillFacts, number | undefined][])(
  'the time of the whole set is measured, estimated by bytes, or unknown (%#)',
  (facts, ms) => {
    expect(wholeMsOf(facts)).toBe(ms);
  },
);

test('rows that differ are a problem, also when their number is the same', () => {
  const name = { schema: 's', name: 't' };
  const [one, other, more] = [
    { rows: 2, digest: 'a' },
    { rows: 2, digest: 'b' },
    { rows: 3, digest: 'a' },
  ];
  expect(differences(0, name, one, one)).toEqual([]);
  expect(differences(0, name, one, other)).toMatchObject([{ code: 'rows-differ', relation: name }]);
  expect(differences(0, name, one, more)).toMatchObject([{ code: 'count-differs' }]);
});

test.each([
  ['15.18', '15'],
  ['9.4.26', '9.4'],
])('the major version of %s is %s', (version, major) => {
  expect(majorOf(version)).toBe(major);
});

describe('a target is refused', () => {
  const server = (more: object = {}, tables: string[] = []): FoundServer => ({
    segment: { content: 0, host: 'db', port: 5432 },
    identity: {
      serverVersion: '17.1',
      systemIdentifier: '7',
      instance: 'i',
      isStandby: false,
      databaseOid: undefined,
      ...more,
    },
    tables,
    drills: [],
  });
  const none = { systemIdentifiers: [], places: [] };
  test.each([
    ['by its system identifier', server(), { ...none, systemIdentifiers: ['7'] }, /made of/],
    ['by its address', server(), { ...none, places: ['db:5432'] }, /configured cluster/],
    ['because it is a standby', server({ isStandby: true }), none, /standby/],
    ['because of a table', server({}, ['app: public.t']), none, /for example app: public\.t/],
  ])('%s', (_, found, forbidden, message) => {
    expect(refusalOf([found], forbidden)).toMatch(message);
  });
  test('for no other reason', () => {
    expect(refusalOf([server()], none)).toBeUndefined();
  });
});

test('the text of a good drill has the estimate, and that of a failed one the problems', () => {
  const verdict = {
    timestamp: '20261129000000',
    status: 'complete',
    problems: [],
    problemsTotal: 0,
  };
  const good = drillText({ ...verdict, drill: { ...FACTS, wholeMs: 5000 } } as never);
  expect(good).toMatch(/restored 2 tables of 4 .*throwaway/);
  expect(good).toMatch(/about 5s, an estimate by bytes/);
  expect(good.split('\n').at(-1)).toBe('drill of set 20261129000000 passed');
  const problems = [{ code: 'drill-failed', message: 'no room' }];
  const bad = { ...verdict, status: 'incomplete', problems, problemsTotal: 1 };
  expect(drillText(bad as never)).toMatch(/no room/);
  expect(drillText(bad as never)).toMatch(/FAILED: 1 problem$/);
});
