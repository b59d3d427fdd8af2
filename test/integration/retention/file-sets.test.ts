import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { RetentionRules } from '../../../backup-set/retention/rules.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { holdSet } from '../../../functions/retention/hold.ts';
import { planExpiry } from '../../../functions/retention/plan.ts';
import { copySet } from '../../../functions/sets/copy.ts';
import { deleteSet, planDeletion } from '../../../functions/sets/delete.ts';
import { listTimestamps } from '../../../functions/sets/list.ts';
import { directorySubject, strictSubject } from '../../contract/subjects.ts';
import { keysOf } from '../functions/place.ts';
import { backUpFiles } from './file-sets.ts';
import { depsOf, expire, leftOf, RULES } from './world.ts';

const [OTHER, FULL, INCREMENT] = ['20260130010203', '20260131010203', '20260201010203'];
const NEXT = '20260202010203';

const subjects = [directorySubject(), strictSubject()];
beforeAll(async () => {
  for (const subject of subjects) await subject.start();
});
afterAll(async () => {
  for (const subject of subjects) await subject.stop();
});

describe.each(subjects)('sets of the plugin for gpbackup on $name', ({ open }) => {
  test('are kept by expiry while an increment needs them, and others are removed', async () => {
    const deps = depsOf(await open());
    await backUpFiles(deps, OTHER);
    await backUpFiles(deps, FULL);
    await backUpFiles(deps, INCREMENT, [FULL]);
    const before = await leftOf(deps, FULL);
    const { decisions } = await planExpiry(deps, RULES);
    expect(decisions.map(({ keptBy }) => keptBy)).toMatchObject([
      expect.arrayContaining(['keepLast']),
      ['an increment needs its files'],
      [],
    ]);
    const report = await expire(deps);
    expect(report.expired).toEqual([OTHER]);
    expect(await listTimestamps(deps.store)).toEqual([FULL, INCREMENT]);
    expect(await leftOf(deps, FULL)).toEqual(before);
    expect((await validate(deps, INCREMENT)).verdict.status).toBe('complete');
  });

  test('stay when they have expired and an increment lives again', async () => {
    const deps = depsOf(await open());
    await backUpFiles(deps, FULL);
    await backUpFiles(deps, INCREMENT, [FULL]);
    await backUpFiles(deps, NEXT);
    const inGrace = RetentionRules.parse({ keepLast: 1, graceHours: 24 });
    expect((await expire(deps, inGrace)).expired).toEqual([INCREMENT, FULL]);
    await holdSet(deps, INCREMENT, 'audit');
    const before = await leftOf(deps, FULL);
    expect((await expire(deps)).removed).toEqual([]);
    expect((await planExpiry(deps, RULES)).expired).toMatchObject([
      { timestamp: FULL, waitsFor: [`set ${INCREMENT}, which needs its files`] },
    ]);
    expect(await leftOf(deps, FULL)).toEqual(before);
    expect((await validate(deps, INCREMENT)).verdict.status).toBe('complete');
  });

  test('are deleted after their increments only, also with --force', async () => {
    const deps = depsOf(await open());
    await backUpFiles(deps, FULL);
    await backUpFiles(deps, INCREMENT, [FULL]);
    const before = await leftOf(deps, FULL);
    const refusal = {
      code: 'set/needed',
      message: `its files are needed by 1 increment of gpbackup: ${INCREMENT}. Delete these first`,
    };
    const plan = await planDeletion(deps, FULL);
    expect(plan.refusals).toContainEqual({ ...refusal, isFinal: true });
    await expect(deleteSet(deps, plan, { force: true })).rejects.toMatchObject(refusal);
    expect(await leftOf(deps, FULL)).toEqual(before);
    await deleteSet(deps, await planDeletion(deps, INCREMENT), { force: true });
    await deleteSet(deps, await planDeletion(deps, FULL), { force: true });
    expect(await listTimestamps(deps.store)).toEqual([]);
  });

  test('come to another root with the older sets whose files they need', async () => {
    const [deps, to] = [depsOf(await open()), depsOf(await open())];
    await backUpFiles(deps, FULL);
    await backUpFiles(deps, OTHER);
    await backUpFiles(deps, INCREMENT, [FULL]);
    await backUpFiles(deps, NEXT, [INCREMENT]);
    const { verdict } = await copySet(deps, to, NEXT);
    expect(verdict.status).toBe('complete');
    expect(await listTimestamps(to.store)).toEqual([FULL, INCREMENT, NEXT]);
    expect(await copySet(deps, to, NEXT)).toMatchObject({ copied: { objects: 0 } });
  });

  test.each([
    ['a file', { kind: 'file', content: 0, name: `gpbackup_0_${FULL}_16384` }],
    ['the manifest', { kind: 'manifest' }],
  ] as const)('whose increment needs %s that is gone make it damaged', async (_, of) => {
    const deps = depsOf(await open());
    await backUpFiles(deps, FULL);
    await backUpFiles(deps, INCREMENT, [FULL]);
    const object = formatKey({ ...of, timestamp: FULL });
    await deps.store.delete([object]);
    expect((await validate(deps, INCREMENT)).verdict).toMatchObject({
      status: 'damaged',
      problems: [{ code: 'object-missing', object }],
    });
  });

  test('are removed with the last increment that needs them', async () => {
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
