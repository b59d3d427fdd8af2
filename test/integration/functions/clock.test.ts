import { describe, expect, it } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { decidingVerdict } from '../../../cli/wait-for-functions.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { describeSet } from '../../../functions/sets/status.ts';
import { currentVerdict } from '../../../functions/stored/current-verdict.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { beginUpload, freshDeps, later, verdictsOf } from './place.ts';
import { documentsOf, storeAll, storeObjects } from './sets.ts';

const HOURS = 3600_000;
/** A host whose clock is hours off. */
const skewed = (deps: Deps, ms: number): Deps => ({
  ...deps,
  clock: () => new Date(Date.now() + ms),
});

describe('a sweeper whose clock is hours ahead', () => {
  it('keeps the upload of a running backup, and writes no verdict on its set', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, [set.plan]);
    const { timestamp } = set;
    const shipment = { content: 0, attempt: 7, worker: 7, sequence: 7 };
    const pack = formatKey({ kind: 'pack', timestamp, ...shipment });
    await beginUpload(deps.store, pack);
    expect(await sweep(skewed(deps, 48 * HOURS))).toMatchObject({
      overdue: [],
      uploadsAborted: 0,
      statuses: { open: 1 },
    });
    expect(await verdictsOf(deps.store)).toEqual([]);
  });

  it('does not make its verdict the newest: a later one on the same set decides', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    await stitch(deps, set.timestamp);
    const lost = set.receipts[0];
    if (lost === undefined) throw new Error('the set has no receipt');
    await deps.store.delete([lost.key]);
    await validate(skewed(deps, 2 * HOURS), set.timestamp);
    await storeAll(deps.store, [lost]);
    await validate(deps, set.timestamp);
    const verdict = await currentVerdict(deps, set.timestamp, { isCommitted: true });
    expect(verdict?.status).toBe('complete');
  });
});

describe('a verdict from before the seal', () => {
  it('does not decide once the set is sealed: the command waits, and the set is open, then complete', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    const { timestamp } = set;
    await storeAll(deps.store, [set.plan, ...set.receipts]);
    expect(await sweep(later(deps, 2 * HOURS))).toMatchObject({ overdue: [timestamp] });
    expect(await describeSet(deps, timestamp)).toMatchObject({ status: 'incomplete' });
    await storeAll(deps.store, [...set.sealParts, set.seal]);
    expect(await decidingVerdict(deps, timestamp)).toBeUndefined();
    expect(await describeSet(deps, timestamp)).toMatchObject({ status: 'open' });
    await stitch(deps, timestamp);
    expect(await describeSet(deps, timestamp)).toMatchObject({
      status: 'complete',
      verdict: undefined,
    });
  });

  it('hides no older verdict on the sealed set', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    const { timestamp } = set;
    await storeAll(deps.store, [set.plan]);
    await sweep(later(deps, 2 * HOURS));
    await storeAll(deps.store, [...set.sealParts, set.seal]);
    await stitch(deps, timestamp);
    expect(await decidingVerdict(deps, timestamp)).toMatchObject({ status: 'incomplete' });
    expect((await decidingVerdict(deps, timestamp))?.problems[0]?.code).not.toBe('overdue');
  });
});
