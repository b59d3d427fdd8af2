import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { validate } from '../../../functions/handlers/validate.ts';
import { listTimestamps } from '../../../functions/sets/list.ts';
import { directorySubject, strictSubject } from '../../contract/subjects.ts';
import { keysOf } from '../functions/place.ts';
import { backUp, depsOf, expire, leftOf, RULES, stateOf } from './world.ts';

const [FIRST, SECOND, THIRD] = ['20260131010203', '20260201010203', '20260202010203'];

const subjects = [directorySubject(), strictSubject()];
beforeAll(async () => {
  for (const subject of subjects) await subject.start();
});
afterAll(async () => {
  for (const subject of subjects) await subject.stop();
});

describe.each(subjects)('an expiry on $name', ({ open }) => {
  const freshDeps = async () => depsOf(await open());

  test('removes sets that no rule keeps, and the packs that no other set needs', async () => {
    const deps = await freshDeps();
    await backUp(deps, FIRST);
    await backUp(deps, SECOND);
    await backUp(deps, THIRD, SECOND);
    const report = await expire(deps);
    expect(report.expired).toEqual([SECOND, FIRST]);
    expect(report.removed).toMatchObject([
      { timestamp: FIRST, packsKept: 0, neededBy: [] },
      { timestamp: SECOND, packsKept: 2, neededBy: [THIRD] },
    ]);
    expect(await listTimestamps(deps.store)).toEqual([SECOND, THIRD]);
    const left = await leftOf(deps, SECOND);
    expect(left.filter((key) => !key.endsWith('.pack'))).toEqual([
      expect.stringMatching(/^retention\/\d{17}-ended\.json$/),
      expect.stringMatching(/^retention\/\d{17}-expired\.json$/),
    ]);
    expect((await validate(deps, THIRD)).verdict).toMatchObject({ status: 'complete' });
  });

  test('removes the rest of a removed set when no set needs its packs any more', async () => {
    const deps = await freshDeps();
    await backUp(deps, FIRST);
    await backUp(deps, SECOND, FIRST);
    await expire(deps);
    await backUp(deps, THIRD);
    await expire(deps);
    expect(await listTimestamps(deps.store)).toEqual([THIRD]);
    expect((await expire(deps)).objects).toBe(0);
    expect((await keysOf(deps.store)).every((key) => key.includes(THIRD))).toBe(true);
  });

  test('gives a grace in which an expired set keeps all of its objects', async () => {
    const deps = await freshDeps();
    await backUp(deps, FIRST);
    await backUp(deps, SECOND);
    const before = await leftOf(deps, FIRST);
    await expire(deps, { ...RULES, graceHours: 24 });
    expect(await stateOf(deps, FIRST)).toBe('expired');
    expect(await leftOf(deps, FIRST)).toEqual(expect.arrayContaining(before));
  });
});
