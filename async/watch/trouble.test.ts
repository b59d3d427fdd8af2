import { expect, test } from 'vitest';
import { StowageError } from '../../backup-set/base/errors.ts';
import { watchTrouble } from './trouble.ts';

const denied = new StowageError('storage/denied', 'no');
const unavailable = new StowageError('storage/unavailable', 'no');

test('a failure is new once, and again when its code changes or after a success', () => {
  const watch = watchTrouble(() => new Date());
  const isNew = [denied, denied, unavailable, unavailable, denied].map(watch.failed);
  expect(isNew).toEqual([true, false, true, false, true]);
  watch.succeeded();
  expect(watch.failed(denied)).toBe(true);
});

test('a trouble begins with the first failure after a success, whatever its code', () => {
  let now = 0;
  const watch = watchTrouble(() => {
    now += 1000;
    return new Date(now);
  });
  expect(watch.succeeded()).toBeUndefined();
  watch.failed(denied);
  watch.failed(unavailable);
  const trouble = { code: 'storage/unavailable', since: new Date(1000), times: 2 };
  expect(watch.now()).toEqual(trouble);
  expect(watch.succeeded()).toEqual(trouble);
  expect(watch.now()).toBeUndefined();
});

test('a success that began before the last failure does not end the trouble', () => {
  let elapsedMs = 10;
  const watch = watchTrouble(
    () => new Date(0),
    () => elapsedMs,
  );
  watch.failed(denied);
  elapsedMs = 20;
  watch.failed(denied);
  expect(watch.succeeded(15)).toBeUndefined();
  expect(watch.now()?.times).toBe(2);
  expect(watch.succeeded(21)?.times).toBe(2);
});
