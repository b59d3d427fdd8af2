import { expect, test } from 'vitest';
import type { Outcome } from '../../../backup-set/documents/restore/restore.ts';
import type { RestoreResult } from '../result.ts';
import { LARGE_OBJECTS_LEFT } from './large-objects.ts';
import { exitOf, textOf } from './text.ts';

const outcome: Outcome = {
  format: 'stowage/outcome',
  version: 1,
  id: '20261122202553617-054d2139',
  timestamp: '20261122202533',
  status: 'restored',
  totals: { contents: 2, relations: 3, rows: 7 },
  counted: true,
  objects: { compared: 9, missing: 1, notCompared: 0 },
  problemsTotal: 0,
  problems: [],
};
const message = 'INDEX app.n_i: ERROR:  function unaccent(text) does not exist';
const leftOut: Partial<Outcome> = {
  leftOutTotal: 1,
  leftOut: [{ code: 'object-not-made', content: 0, message }],
};
const result = (change: Partial<Outcome>, allowMissing = false): RestoreResult => ({
  id: outcome.id,
  outcome: { ...outcome, ...change },
  choices: allowMissing ? { allowMissing: true } : {},
  mode: 'fill',
  leavesLargeObjects: false,
  leftEmpty: [],
  elapsedMs: 1000,
});

test.each([
  [0, {}, false],
  [3, leftOut, false],
  [0, leftOut, true],
  [3, { ...leftOut, status: 'failed' as const }, true],
  [4, { status: 'refused' as const }, true],
])('a restore ends with exit code %i: outcome %j, --allow-missing: %j', (exit, change, allow) => {
  expect(exitOf(result(change, allow))).toBe(exit);
});

test('the text lists what was not restored, also with --allow-missing', () => {
  for (const allow of [false, true]) {
    const text = textOf(result(leftOut, allow));
    expect(text).toContain('not restored (1):\n  content 0: INDEX app.n_i: ERROR:');
  }
  expect(textOf(result({}))).not.toContain('not restored');
});

test('the text names roles that were left as they are, and says when large objects were left out', () => {
  const names = Array.from({ length: 10 }, (_, at) => `role ${at}`);
  const text = textOf(result({ rolesKept: { total: 10, names } }));
  expect(text).toContain('10 roles existed and were left as they are: role 0, role 1, ');
  expect(text).toContain('role 7 and 2 more (--globals=alter');
  expect(textOf({ ...result({}), leavesLargeObjects: true })).toContain(LARGE_OBJECTS_LEFT);
  expect(textOf(result({}))).not.toMatch(/large objects|existed/);
});

test('the text says which contents of the set were not restored, and nothing of the target', () => {
  const chosen = { restored: [1], others: [0, 2], takenAt: '2026-11-29T12:09:53.319Z' };
  const text = textOf({ ...result({}), chosen });
  expect(text).toContain(
    'only content 1, as of 2026-11-29T12:09:53.319Z; contents 0, 2 of the set',
  );
  expect(text).not.toContain('stayed as they are');
});
