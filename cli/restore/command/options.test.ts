import { expect, test } from 'vitest';
import { optionsFrom } from './options.ts';

const SET = '20261122202533';
const ID = '20261122202553617-054d2139';

test.each([
  [{ resume: ID, truncate: true }, [], 'leave out --truncate'],
  [{ resume: ID, owner: false }, [], 'leave out --no-owner'],
  [{ resume: ID, acl: false }, [], 'leave out --no-acl'],
  [{ resume: ID, section: ['data'] }, [], 'leave out --section'],
  [{ resume: ID, redirectDb: 'other' }, [], 'leave out --redirect-db'],
  [{ resume: ID }, ['20261122202533'], 'leave out set 20261122202533'],
  [{ resume: ID, content: ['1'] }, [], 'leave out --content'],
  [{ create: true, content: ['1,x'] }, ['20261122202533'], 'not "x"'],
  [{ create: true, content: [''] }, ['20261122202533'], '--content takes ids'],
  [{ dropUnfinished: true }, ['20261122202533'], '--drop-unfinished needs --create'],
  [{ create: true }, [], "missing required argument 'set'"],
])('a restore with flags %j and arguments %j is refused: %s', (flags, positional, message) => {
  expect(() => optionsFrom(flags, positional)).toThrow(message);
});

test.each([
  [{ create: true }, undefined],
  [{ create: true, verify: true }, true],
  [{ truncate: true, verify: false }, false],
  [{}, undefined],
])('the flags %j ask for a phase that reads the set first: %j', (flags, verify) => {
  expect(optionsFrom(flags, ['20261122202533'])).toMatchObject({ verify });
});

test('--content takes ids in lists and repeated, each once and in order', () => {
  const contents = (...content: string[]) => optionsFrom({ content }, ['20261122202533']);
  expect(contents('2', '-1,1', '1')).toMatchObject({ contents: [-1, 1, 2] });
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

test.each([
  [{ globals: true }, [SET], { globals: true, choices: {} }],
  [{ globals: 'alter' }, [SET], { globals: true, choices: { globalsMode: 'alter' } }],
  // The value of --globals is optional: here it is the set.
  [{ globals: SET }, [], { globals: true, choices: {} }],
  [{}, [SET], { globals: false, choices: {} }],
  [{ largeObjects: true }, [SET], { globals: false, choices: { largeObjects: true } }],
])('a restore with flags %j and arguments %j asks for %j', (flags, positional, options) => {
  const set = { kind: 'timestamp', timestamp: SET };
  expect(optionsFrom(flags, positional)).toMatchObject({ set, ...options });
});

test.each([
  [{ dataOnly: true, schemaOnly: true }, 'use only one of --data-only, --schema-only'],
  [{ dataOnly: true, section: ['data'] }, 'use only one of --data-only, --section'],
  [{ section: ['middle'] }, '--section takes pre-data, data or post-data, not "middle"'],
  [{ create: true, dataOnly: true }, '--create with --data-only: a new database has no tables'],
  [
    { create: true, section: ['post-data', 'data'] },
    '--create with --section data --section post-data',
  ],
  [{ truncate: true, schemaOnly: true }, '--truncate with --schema-only'],
  [{ truncate: true, section: ['pre-data', 'data'] }, '--truncate with --section pre-data'],
  [{ dataOnly: true, globals: true }, '--globals with --data-only'],
  [{ onError: 'ignore' }, '--on-error takes stop or continue, not "ignore"'],
])('flags %j do not fit together: %s', (flags, message) => {
  expect(() => optionsFrom(flags, [SET])).toThrow(message);
});

test.each([
  [{}, {}],
  [{ dataOnly: true }, { sections: ['data'] }],
  [{ truncate: true, dataOnly: true }, {}],
  [{ create: true, schemaOnly: true }, { sections: ['pre-data', 'post-data'] }],
  [{ section: ['post-data', 'data'] }, { sections: ['data', 'post-data'] }],
  [{ section: ['post-data', 'data', 'pre-data'] }, {}],
  [
    { acl: false, onError: 'continue' },
    { noAcl: true, onError: 'continue' },
  ],
  [{ onError: 'stop', allowMissing: true }, { allowMissing: true }],
])('flags %j make the choices %j', (flags, choices) => {
  expect(optionsFrom(flags, [SET])).toMatchObject({ choices });
  const { choices: made } = optionsFrom(flags, [SET]) as { choices: object };
  expect(Object.keys(made)).toEqual(Object.keys(choices));
});
