import { describe, expect, it } from 'vitest';
import { encode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Verdict } from '../../../backup-set/base/verdict.ts';
import { Outcome } from '../../../backup-set/documents/restore/restore.ts';
import { inProcess } from '../../../functions/events/in-process.ts';
import { announcementOf, isAnnounced } from '../../../functions/handlers/announce.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { requestTask } from '../../../functions/tasks/tasks.ts';
import { freshDeps, keysOf } from './place.ts';
import { documentsOf, storeAll, storeObjects } from './sets.ts';

describe('an announcement', () => {
  it('names the status and problems of a verdict, and the key of its document', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    await stitch(deps, set.timestamp);
    const { verdict, wrote } = await validate(deps, set.timestamp);
    const [object = ''] = wrote;
    expect(isAnnounced(object)).toBe(true);
    expect(await announcementOf(deps, object)).toEqual({
      kind: 'verdict',
      root: deps.store.url,
      object,
      set: set.timestamp,
      level: 'validate',
      status: 'complete',
      at: verdict.at,
      problemsTotal: 0,
      problems: [],
    });
  });

  it('has the warnings of a verdict, which do not change its status', async () => {
    const deps = await freshDeps();
    const timestamp = '20260131010203';
    const at = '2026-01-31T02:03:04.567Z';
    const instant = '20260131020304567';
    const object = formatKey({ kind: 'verdict', timestamp, instant, level: 'validate' });
    const warning = { code: 'rows-fewer' as const, message: 'public.sales lost 41 % of its rows' };
    const verdict: Verdict = {
      ...{ format: 'stowage/verdict', version: 1, timestamp, level: 'validate', at },
      ...{ status: 'complete', checked: { objects: 1, bytes: 1 }, problemsTotal: 0, problems: [] },
      ...{ warningsTotal: 12, warnings: [warning] },
    };
    await deps.store.create(object, encode(Verdict, verdict));
    expect(await announcementOf(deps, object)).toMatchObject({
      status: 'complete',
      warningsTotal: 12,
      warnings: ['public.sales lost 41 % of its rows'],
    });
  });

  it('has the first problems of a restore as lines of text, and their total number', async () => {
    const deps = await freshDeps();
    const restore = '20260131020304567-0123abcd';
    const object = formatKey({ kind: 'outcome', restore });
    const outcome: Outcome = {
      format: 'stowage/outcome',
      version: 1,
      id: restore,
      timestamp: '20260131000000',
      status: 'failed',
      totals: { contents: 1, relations: 0, rows: 0 },
      counted: false,
      problemsTotal: 500,
      problems: Array.from({ length: 50 }, (_, content) => ({
        code: 'order-failed' as const,
        content,
        message: 'no space',
      })),
    };
    await deps.store.create(object, encode(Outcome, outcome));
    const told = await announcementOf(deps, object);
    expect(told).toMatchObject({
      kind: 'outcome',
      restore,
      set: '20260131000000',
      status: 'failed',
    });
    expect(told).toMatchObject({ problemsTotal: 500 });
    expect(told?.problems).toHaveLength(10);
    expect(told?.problems[0]).toBe('content 0: no space (order-failed)');
  });

  it('is made of the outcome of a copy, but for a verification of its verdict only', async () => {
    const deps = await freshDeps();
    const { store: replica } = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    const functions = inProcess({ ...deps, replica });
    await functions.announce(set.seal.key);
    await functions.announce(await requestTask(deps, set.timestamp, 'verify', new Date()));
    await functions.idle();
    const outcomes = (await keysOf(deps.store, 'tasks/')).filter((key) =>
      key.endsWith('/outcome.json'),
    );
    expect(outcomes).toHaveLength(2);
    expect(
      await Promise.all(outcomes.filter(isAnnounced).map((key) => announcementOf(deps, key))),
    ).toMatchObject([
      {
        kind: 'replication',
        set: set.timestamp,
        status: 'complete',
        to: replica.url,
        problemsTotal: 0,
      },
    ]);
  });

  it('is not made of other keys or of deleted documents', async () => {
    const deps = await freshDeps();
    const plan = formatKey({ kind: 'plan', timestamp: '20260131000000' });
    expect(isAnnounced(plan)).toBe(false);
    expect(await announcementOf(deps, plan)).toBeUndefined();
    const gone = formatKey({ kind: 'outcome', restore: '20260131020304567-0123abcd' });
    expect(await announcementOf(deps, gone)).toBeUndefined();
  });
});
