import { expect, test } from 'vitest';
import { restoreCommandOf } from './again.ts';

const TS = '20260131010203';
/** What commander gives for flags that exist as `--no-…` only. */
const DEFAULTS = { owner: true, acl: true, count: true, objects: true };

test('the command that goes on with a group has every flag that changes what is restored', () => {
  const flags = {
    ...DEFAULTS,
    ...{ create: true, owner: false, globals: 'group-20260131010203', onError: 'continue' },
    ...{ section: ['pre-data', 'data'], workers: '4', verify: false, count: false },
    ...{ config: '/etc/my files/stowage.yaml', root: 's3://b/p' },
  };
  expect(restoreCommandOf(TS, flags)).toBe(
    `stowage restore ${TS} --no-owner --no-count --create --globals --on-error continue --section pre-data --section data --workers 4 --no-verify --config '/etc/my files/stowage.yaml' --root s3://b/p`,
  );
});

test('the command has nothing of how the run prints, and none of the defaults', () => {
  const flags = { ...DEFAULTS, json: true, logLevel: 'debug', globals: 'alter', verify: true };
  expect(restoreCommandOf(TS, flags)).toBe(`stowage restore ${TS} --globals alter --verify`);
});
