import { describe, expect, test } from 'vitest';
import { setNameFrom } from './set-name.ts';

describe('the name of a set on the command line', () => {
  test.each([
    ['20261122202533', { kind: 'timestamp', timestamp: '20261122202533' }],
    ['20261122', { kind: 'prefix', digits: '20261122' }],
    ['latest', { kind: 'latest' }],
  ])('%s is understood', (text, expected) => {
    expect(setNameFrom([text])).toEqual(expected);
  });

  test.each([
    ['2026-11-20', '20261120000000'],
    ['2026-11-20T03:00', '20261120030000'],
    ['2026-11-20 03:00:07Z', '20261120030007'],
    ['20261120030000', '20261120030000'],
  ])('--before %s is the UTC time %s', (before, expected) => {
    expect(setNameFrom(['latest'], { before })).toEqual({ kind: 'latest', before: expected });
  });

  test.each([
    [['yesterday'], {}, 'set'],
    [['202'], {}, 'set'],
    [['20260231000000'], {}, 'set'],
    [['latest'], { before: '2026-02-31' }, 'before'],
    [['latest'], { before: 'yesterday' }, 'before'],
    [['20261122'], { before: '2026-11-20' }, 'before'],
  ])('%j with %j is refused, and the error names %s', (positional, flags, field) => {
    expect(() => setNameFrom(positional, flags)).toThrow(
      expect.objectContaining({ code: 'usage/flag', where: { field } }),
    );
  });
});
