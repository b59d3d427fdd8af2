import { describe, expect, test } from 'vitest';
import type { SeenSet, SeenVerdict } from './seen-set.ts';
import { eventsOfSet } from './set-events.ts';

const TIMESTAMP = '20260131010203';

const verdict = (
  level: SeenVerdict['level'] | 'drill',
  status: SeenVerdict['status'],
  warnings: string[] = [],
) => ({ level: level as SeenVerdict['level'], status, warnings });

function setOf(...verdicts: readonly ReturnType<typeof verdict>[]): SeenSet {
  return {
    timestamp: TIMESTAMP,
    verdicts: verdicts.map(({ level, status, warnings }, at) => ({
      key: `verdict ${at}`,
      instant: `${TIMESTAMP}00${at}`,
      level,
      status,
      problemsTotal: status === 'complete' ? 0 : 3,
      problems: status === 'complete' ? [] : ['content 0: no space (segment-failed)'],
      warningsTotal: warnings.length,
      warnings,
    })),
  };
}

const namesOf = (set: SeenSet) => eventsOfSet(set).map(({ name }) => name);

describe('the events of a set', () => {
  test.each([
    ['a set without a verdict', [], []],
    ['a complete set', [verdict('validate', 'complete')], ['set-complete']],
    [
      'a set that each restore validates again',
      [verdict('validate', 'complete'), verdict('validate', 'complete')],
      ['set-complete'],
    ],
    [
      'an overdue set of which receipts still arrive',
      [verdict('stitch', 'incomplete'), verdict('stitch', 'incomplete')],
      ['set-incomplete'],
    ],
    [
      'an overdue set that is sealed later',
      [verdict('stitch', 'incomplete'), verdict('validate', 'complete')],
      ['set-incomplete', 'set-complete'],
    ],
    [
      'a verified set',
      [verdict('validate', 'complete'), verdict('verify', 'complete')],
      ['set-complete', 'set-verified'],
    ],
    [
      'damage that verify finds, and that validate cannot see',
      [
        verdict('validate', 'complete'),
        verdict('verify', 'damaged'),
        verdict('validate', 'complete'),
      ],
      ['set-complete', 'set-damaged'],
    ],
    [
      'damage that is repaired, and comes back',
      [
        verdict('validate', 'complete'),
        verdict('verify', 'damaged'),
        verdict('verify', 'complete'),
        verdict('validate', 'damaged'),
      ],
      ['set-complete', 'set-damaged', 'set-verified', 'set-damaged'],
    ],
    [
      'an unusual set that is validated twice',
      [verdict('validate', 'complete', ['a']), verdict('validate', 'complete', ['a'])],
      ['set-complete', 'set-warnings'],
    ],
    [
      'drills, which say nothing about the status',
      [
        verdict('validate', 'complete'),
        verdict('drill', 'incomplete'),
        verdict('drill', 'complete'),
        verdict('validate', 'complete'),
      ],
      ['set-complete', 'drill-failed', 'drill-passed'],
    ],
  ])('of %s', (_, verdicts, names) => {
    expect(namesOf(setOf(...verdicts))).toEqual(names);
  });

  test('have an id that every server derives from the verdict alone', () => {
    const set = setOf(verdict('validate', 'complete'), verdict('verify', 'damaged'));
    expect(eventsOfSet(set).map(({ id }) => id)).toEqual([
      `${TIMESTAMP}000-set-complete-${TIMESTAMP}`,
      `${TIMESTAMP}001-set-damaged-${TIMESTAMP}`,
    ]);
  });

  test('say the numbers of a complete set, and what it added to the store', () => {
    const facts = {
      cluster: 'shop',
      database: 'orders',
      startedAt: new Date('2026-01-31T01:02:03Z'),
      ms: 252_000,
      tables: 1430,
      readTables: 12,
      rows: 1_000_000,
      bytes: 12e9,
      storedBytes: 3.1e9,
      newBytes: 80e6,
    };
    const [event] = eventsOfSet({ ...setOf(verdict('validate', 'complete')), facts });
    expect(event).toMatchObject({ cluster: 'shop', database: 'orders' });
    expect(event?.title).toBe(
      `set ${TIMESTAMP} is complete: 1,430 tables (12 read), 1,000,000 rows, 12.0 GB in 3.10 GB stored (80.0 MB new), 4 min`,
    );
  });
});
