import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { validate } from '../../../functions/handlers/validate.ts';
import { listTimestamps } from '../../../functions/sets/list.ts';
import { directorySubject, strictSubject } from '../../contract/subjects.ts';
import { keysOf } from '../functions/place.ts';
import { backUpFiles } from './file-sets.ts';
import { depsOf, expire, leftOf } from './world.ts';

const [OTHER, FULL, INCREMENT] = ['20260130010203', '20260131010203', '20260201010203'];
const NEXT = '20260202010203';
const filesIn = (keys: readonly string[]) => keys.filter((key) => key.startsWith('data/'));

const subjects = [directorySubject(), strictSubject()];
beforeAll(async () => {
  for (const subject of subjects) await subject.start();
});
afterAll(async () => {
  for (const subject of subjects) await subject.stop();
});

describe.each(subjects)('an expiry of sets of the plugin for gpbackup on $name', ({ open }) => {
  test('keeps every file of the full set that an increment needs, and removes other sets', async () => {
    const deps = depsOf(await open());
    await backUpFiles(deps, OTHER);
    await backUpFiles(deps, FULL);
    await backUpFiles(deps, INCREMENT, [FULL]);
    const before = filesIn(await leftOf(deps, FULL));
    expect(before).toHaveLength(2);
    const report = await expire(deps);
    expect(report.expired).toEqual([FULL, OTHER]);
    expect(report.removed).toMatchObject([
      { timestamp: OTHER, neededBy: [] },
      { timestamp: FULL, neededBy: [INCREMENT] },
    ]);
    expect(await listTimestamps(deps.store)).toEqual([FULL, INCREMENT]);
    expect(filesIn(await leftOf(deps, FULL))).toEqual(before);
    expect((await validate(deps, INCREMENT)).verdict.status).toBe('complete');
  });

  test('removes the files of the full set with the last increment that needs them', async () => {
    const deps = depsOf(await open());
    await backUpFiles(deps, FULL);
    await backUpFiles(deps, INCREMENT, [FULL]);
    await expire(deps);
    await backUpFiles(deps, NEXT);
    await expire(deps);
    expect(await listTimestamps(deps.store)).toEqual([NEXT]);
    expect((await keysOf(deps.store)).every((key) => key.includes(NEXT))).toBe(true);
  });
});
