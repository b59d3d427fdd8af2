import { describe, expect, test } from 'vitest';
import type { MapRule } from '../../documents/restore/map.ts';
import { isIdentity, mapProblems } from './map.ts';

const set = (flavour = 'shards') =>
  ({
    flavour,
    timestamp: '20260131120000',
    contents: [0, 1, 2, 3].map((content) => ({ content })),
  }) as unknown as Parameters<typeof mapProblems>[1];

function reasons(
  map: MapRule[],
  { contents, targets = map.map(({ to }) => to), flavour }: Asked = {},
): string[] {
  const target = { contents: targets.map((content) => ({ content })) };
  const request = { map, target, ...(contents && { contents: [...contents] }) };
  return mapProblems(request, set(flavour)).map(({ message }) => message);
}

interface Asked {
  readonly contents?: readonly number[];
  readonly targets?: readonly number[];
  readonly flavour?: string;
}

const rule = (to: number, ...from: number[]) => ({ to, from });

describe('a map', () => {
  test.each([
    [[rule(0, 0, 1), rule(1, 2, 3)]],
    [[rule(0, 3, 2, 1, 0)]],
    [[rule(1, 0), rule(0, 1), rule(3, 2), rule(2, 3)]],
  ])('is accepted when it names every content once: %j', (map) => {
    expect(reasons(map)).toEqual([]);
  });

  test('may leave out what --content leaves out', () => {
    expect(reasons([rule(0, 1, 2)], { contents: [2, 1] })).toEqual([]);
  });

  test.each<[MapRule[], Asked, string]>([
    [[rule(0, 0, 1, 2)], {}, 'content 3 of the set is in no rule'],
    [[rule(0, 0, 1), rule(1, 1, 2, 3)], {}, 'content 1 of the set is named twice'],
    [[rule(0, 0, 1), rule(0, 2, 3)], { targets: [0] }, 'content 0 of the target is named twice'],
    [[rule(0, 0, 1, 2, 3, 7)], {}, 'has no content 7: it has 4 contents, 0, 1, 2, 3'],
    [[rule(0, 0, 1, 2, 3)], { contents: [0, 1, 2] }, '--content leaves it out'],
    [[rule(0, 0, 1, 2, 3)], { targets: [] }, 'the target has no content 0'],
    [[rule(0, 0, 1, 2, 3)], { targets: [0, 1] }, 'the map names nothing for this content'],
    [[rule(0, 0, 1, 2, 3)], { targets: [0, 0] }, 'the target lists this content twice'],
    [[rule(0, 0, 1, 2, 3)], { flavour: 'greenplum' }, 'leave out --map'],
  ])('is refused: %j with %j, because %s', (map, asked, why) => {
    const found = reasons(map, asked);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(why);
  });

  test('that gives each content its own number is no map', () => {
    expect(isIdentity([rule(0, 0), rule(1, 1)])).toBe(true);
    expect(isIdentity([rule(1, 0), rule(0, 1)])).toBe(false);
    expect(isIdentity([rule(0, 0, 1)])).toBe(false);
  });
});
