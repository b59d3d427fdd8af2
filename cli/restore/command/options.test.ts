import { expect, test } from 'vitest';
import { optionsFrom } from './options.ts';

const ID = '20261122202553617-054d2139';

test.each([
  [{ resume: ID, truncate: true }, [], 'leave out --truncate'],
  [{ resume: ID, owner: false }, [], 'leave out --no-owner'],
  [{ resume: ID, acl: false }, [], 'leave out --no-acl'],
  [{ resume: ID, section: ['data'] }, [], 'leave out --section'],
  [{ resume: ID, redirectDb: 'other' }, [], 'leave out --redirect-db'],
  [{ resume: ID }, ['20261122202533'], 'leave out set 20261122202533'],
  [{ dropUnfinished: true }, ['20261122202533'], '--drop-unfinished needs --create'],
  [{ create: true }, [], "missing required argument 'set'"],
])('a restore with flags %j and arguments %j is refused: %s', (flags, positional, message) => {
  expect(() => optionsFrom(flags, positional)).toThrow(message);
});

test('--resume accepts flags that do not change what is restored', () => {
  const options = optionsFrom({ resume: ID, verify: false, count: false, wait: '5' }, []);
  expect(options).toEqual({
    resume: ID,
    allowMissing: false,
    verify: false,
    count: false,
    objects: true,
    acceptCluster: false,
    waitMs: 5000,
  });
});
