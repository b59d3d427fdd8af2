import { describe, expect, test } from 'vitest';
import { mapFlag, mapFrom, referencesFrom, wordsBehindMap } from './flags.ts';

const rule = (to: number, ...from: number[]) => ({ to, from });

describe('the rules of --map', () => {
  test.each([
    [
      ['0,1=0', '2,3=1'],
      [rule(0, 0, 1), rule(1, 2, 3)],
    ],
    [['0,1=0 2,3=1'], [rule(0, 0, 1), rule(1, 2, 3)]],
    [['3,0-2=0'], [rule(0, 3, 0, 1, 2)]],
    [['all=2'], [{ to: 2, from: 'all' as const }]],
    [
      ['0=1', '1=0'],
      [rule(1, 0), rule(0, 1)],
    ],
  ])('%j are read in their order', (map, rules) => {
    expect(mapFrom({ map })).toEqual(rules);
  });

  test.each([
    [['0,1'], 'not "0,1"'],
    [['0,1='], 'not "0,1="'],
    [['0,,1=0'], 'not "0,,1=0"'],
    [['-1=0'], 'not "-1=0"'],
    [['3-1=0'], 'not "3-1=0"'],
    [['0=0=0'], 'not "0=0=0"'],
    [['0-999999=0'], 'not "0-999999=0"'],
    [['0,1=0', '1=1'], 'content 1 of the set is named twice'],
    [['0=0', '1=0'], 'content 0 of the target is named twice'],
    [['all=0', '1=1'], 'leave out the others'],
    [['20260131120000'], 'needs a rule'],
  ])('%j are refused: %s', (map, why) => {
    expect(() => mapFrom({ map })).toThrow(why);
  });

  test('leave the name of the set that is written behind them', () => {
    const flags = { map: ['0,1=0', '2,3=1', '20260131120000'] };
    expect(wordsBehindMap(flags)).toEqual(['20260131120000']);
    expect(mapFrom(flags)).toEqual([rule(0, 0, 1), rule(1, 2, 3)]);
    expect(wordsBehindMap({ map: ['0=1', 'latest'] })).toEqual(['latest']);
    expect(wordsBehindMap({})).toEqual([]);
  });

  test('can be written again', () => {
    expect(mapFlag([rule(0, 0, 1), rule(1, 2)])).toBe(' --map 0,1=0 2=1');
    expect(mapFlag([{ to: 0, from: 'all' }])).toBe(' --map all=0');
    expect(mapFlag(undefined)).toBe('');
  });
});

describe('--reference', () => {
  test('names tables, as --include-table does', () => {
    const reference = ['public.country', '"a.b"."c"', 'public.*'];
    expect(referencesFrom({ map: ['0,1=0'], reference })).toEqual(reference);
  });

  test.each([
    [{ reference: ['public.country'] }, '--reference needs --map'],
    [{ map: ['0,1=0'], reference: ['country'] }, 'is not a table'],
  ])('is refused with %j: %s', (flags, why) => {
    expect(() => referencesFrom(flags)).toThrow(why);
  });
});
