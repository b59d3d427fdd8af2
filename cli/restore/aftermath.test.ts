import { expect, test } from 'vitest';
import { aftermathOf } from './aftermath.ts';

const answersOf = (...exists: (boolean | undefined)[]) =>
  exists.map((one, content) => ({ content, exists: one }));

test.each([
  [
    'no content has the database',
    [false, false],
    false,
    'the target was not changed: no database a exists',
  ],
  [
    'a content has it',
    [false, true],
    true,
    'the target holds part of the set: database a was created on content 1.',
  ],
  [
    'a content did not answer',
    [false, undefined],
    undefined,
    'the target may hold part of the set: content 1 did not answer',
  ],
  [
    'one has it and one is silent',
    [true, undefined],
    true,
    'created on content 0; content 1 did not answer, and may hold it too',
  ],
] as const)(
  'after a failed restore in which %s, the text says so',
  (_, exists, targetChanged, text) => {
    const aftermath = aftermathOf('a', answersOf(...exists));
    expect(aftermath.targetChanged).toBe(targetChanged);
    expect(aftermath.text).toContain(text);
  },
);
