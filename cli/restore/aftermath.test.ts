import { expect, test } from 'vitest';
import { aftermathOf } from './aftermath.ts';

const request = { id: '20261122202553617-054d2139', timestamp: '20261122202533' } as const;
const answersOf = (...found: (boolean | undefined)[]) =>
  found.map((one, content) => ({
    content,
    found: one === undefined ? undefined : { exists: one, isMarked: one },
  }));

test('after a restore that found damage, the text names the command for a good copy of the set', () => {
  const damaged = [{ code: 'digest-differs', message: 'CRC-32 differs' }] as const;
  const { text } = aftermathOf('a', { ...request, mode: 'create' }, answersOf(true), {
    problems: damaged,
    identity: ' --identity=first.key',
  });
  expect(text).toContain(
    'restore it from a good copy with `stowage restore 20261122202533 --create --drop-unfinished --identity=first.key --root COPY`',
  );
});

test('the command that starts a restore of single contents again names them', () => {
  const failed = { ...request, mode: 'create' as const, contents: [1, 2] };
  const { text } = aftermathOf('a', failed, answersOf(false, true));
  expect(text).toContain('--create --drop-unfinished --content 1,2`');
});

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
    const aftermath = aftermathOf('a', { ...request, mode: 'create' }, answersOf(...exists));
    expect(aftermath.targetChanged).toBe(targetChanged);
    expect(aftermath.text).toContain(text);
  },
);

test('after a failed --create, the text names the commands that resume it and start again', () => {
  const { text } = aftermathOf('a', { ...request, mode: 'create' }, answersOf(true));
  expect(text).toContain('`stowage restore --resume 20261122202553617-054d2139`');
  expect(text).toContain('`stowage restore 20261122202533 --create --drop-unfinished`');
});

test.each([
  ['marked', true, true, 'is marked as unfinished on content 0'],
  ['not marked', false, undefined, 'but no database a is marked as unfinished'],
  ['silent', undefined, undefined, 'content 0 did not answer'],
] as const)(
  'after a failed --truncate whose target is %s, the text says so, and drops nothing',
  (_, marked, targetChanged, text) => {
    const aftermath = aftermathOf('a', { ...request, mode: 'truncate' }, answersOf(marked));
    expect(aftermath.targetChanged).toBe(targetChanged);
    expect(aftermath.text).toContain(text);
    expect(aftermath.text).not.toContain('--drop-unfinished');
  },
);
