import { truncate, utimes, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { instantOf } from '../../../backup-set/base/timestamps.ts';
import { boundedProblems } from '../../../backup-set/base/verdict.ts';
import { writeVerdict } from '../../../functions/stored/write-verdict.ts';
import type { SetStatus } from '../../../functions/sweep/report.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { CHANGED_MAX, type SweepAttempt, startSweeper } from '../../../functions/sweep/sweeper.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { beginUpload, fileOf, freshDeps, keysOf, later, verdictsOf } from './place.ts';
import { documentsOf, storeAll, storeObjects } from './sets.ts';

const HOUR = 3600_000;
const inFuture = (ms: number) => () => new Date(Date.now() + ms);

/** Gives all objects a time of two hours ago, as in a set that was stored then. */
async function age(store: ObjectStore): Promise<void> {
  const at = new Date(Date.now() - 2 * HOUR);
  for (const key of await keysOf(store)) await utimes(fileOf(store, key), at, at);
}

describe('a sweep', () => {
  it('commits and validates a set whose events were lost, once', async () => {
    const deps = await freshDeps();
    const first = await storeObjects(deps.store, { timestamp: '20260131010203' });
    const second = await storeObjects(deps.store, {
      timestamp: '20260201010203',
      contents: [-1, 0],
    });
    await storeAll(deps.store, [...documentsOf(first), ...documentsOf(second)]);
    const closed = new Map<string, SetStatus | 'over'>();
    expect(await sweep(deps, { closed })).toMatchObject({
      sets: 2,
      committed: ['20260201010203', '20260131010203'],
      validated: ['20260201010203', '20260131010203'],
      overdue: [],
      problems: [],
    });
    const before = await keysOf(deps.store);
    expect(await sweep(deps)).toMatchObject({ sets: 2, committed: [], validated: [] });
    // A closed set is not processed, but counted.
    for (const options of [{}, { closed }])
      expect(await sweep(deps, options)).toMatchObject({
        statuses: { open: 0, complete: 2, incomplete: 0, damaged: 0 },
        newestComplete: '20260201010203',
      });
    expect(await sweep(deps, { closed })).toMatchObject({ sets: 0 });
    expect(await keysOf(deps.store)).toEqual(before);
  });

  it.each(['its verdicts cannot be read', 'a verdict says that it is complete'])(
    'counts a set as damaged whose manifest was truncated, where %s',
    async (state) => {
      const deps = await freshDeps();
      const set = await storeObjects(deps.store);
      await storeAll(deps.store, documentsOf(set));
      await sweep(deps);
      const keys = await keysOf(deps.store);
      const cut = keys.filter(
        (key) =>
          key.endsWith('/manifest.json') ||
          (key.includes('/verdicts/') && state === 'its verdicts cannot be read'),
      );
      for (const key of cut) await truncate(fileOf(deps.store, key), 20);
      const report = await sweep(later(deps, 1000));
      expect(report).toMatchObject({
        validated: [set.timestamp],
        statuses: { complete: 0, damaged: 1 },
        problems: [],
      });
      expect(report.newestComplete).toBeUndefined();
      // The verdict of that sweep names the manifest, so the next one has nothing to do.
      expect(await sweep(later(deps, 2000))).toMatchObject({
        validated: [],
        statuses: { complete: 0, damaged: 1 },
      });
    },
  );

  it('ignores sets with timestamps in future years', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    const planted = await storeObjects(deps.store, { timestamp: '29990131010203' });
    await storeAll(deps.store, [planted.plan]);
    expect(await sweep(deps)).toMatchObject({ sets: 1, committed: [set.timestamp] });
  });

  it('does not change the set of a running backup', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, [set.plan, ...set.receipts.slice(0, 3)]);
    expect(await sweep(deps)).toMatchObject({
      sets: 1,
      overdue: [],
      committed: [],
      statuses: { open: 1, complete: 0 },
    });
    expect(await verdictsOf(deps.store)).toEqual([]);
  });

  it('writes one verdict on a set without new objects, which names what each content lacks', async () => {
    const deps = await freshDeps(inFuture(601_000));
    const set = await storeObjects(deps.store, { overdueAfterSeconds: 600 });
    await storeAll(deps.store, [set.plan, ...set.receipts.slice(0, 5)]);
    expect(await sweep(deps)).toMatchObject({ overdue: [set.timestamp] });
    const [verdict] = await verdictsOf(deps.store);
    expect(verdict).toMatchObject({ level: 'stitch', status: 'incomplete' });
    expect(verdict?.problems).toMatchObject([
      { code: 'overdue' },
      {
        code: 'content-missing',
        content: 0,
        message: 'the set has no seal yet; host-0 has stored 4 receipts',
      },
      {
        code: 'content-missing',
        content: 1,
        message: 'the set has no seal yet; host-1 has stored 1 receipt',
      },
      {
        code: 'content-missing',
        content: 2,
        message: 'the set has no seal yet; host-2 has stored 0 receipts',
      },
    ]);
    await sweep(deps);
    expect(await verdictsOf(deps.store)).toHaveLength(1);
  });

  it('commits an overdue set whose seal arrives later', async () => {
    const deps = await freshDeps(inFuture(HOUR));
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, [set.plan, ...set.receipts]);
    expect(await sweep(deps)).toMatchObject({ overdue: [set.timestamp] });
    await storeAll(deps.store, [...set.sealParts, set.seal]);
    expect(await sweep(later(deps, 0))).toMatchObject({
      committed: [set.timestamp],
    });
  });

  it('processes an incomplete set again only when an object has arrived since', async () => {
    const deps = await freshDeps(inFuture(HOUR));
    const set = await storeObjects(deps.store);
    const [lost] = set.receipts;
    await storeAll(
      deps.store,
      documentsOf(set).filter((document) => document !== lost),
    );
    await age(deps.store);
    expect(await sweep(deps)).toMatchObject({ committed: [], overdue: [] });
    expect(await sweep(deps)).toMatchObject({ committed: [] });
    expect(await verdictsOf(deps.store)).toHaveLength(1);
    if (lost !== undefined) await storeAll(deps.store, [lost]);
    await utimes(fileOf(deps.store, lost?.key ?? ''), new Date(), new Date(Date.now() + HOUR));
    expect(await sweep(deps)).toMatchObject({ committed: [set.timestamp] });
  });

  it('processes an incomplete set again when a missing object has arrived with an old time, as from a replication', async () => {
    const deps = await freshDeps(inFuture(HOUR));
    const set = await storeObjects(deps.store);
    const [lost] = set.receipts;
    if (lost === undefined) throw new Error('the set has no receipt');
    await storeAll(
      deps.store,
      documentsOf(set).filter((document) => document !== lost),
    );
    await age(deps.store);
    await sweep(deps);
    await storeAll(deps.store, [lost]);
    await utimes(fileOf(deps.store, lost.key), new Date(), new Date(Date.now() - HOUR));
    expect(await sweep(deps)).toMatchObject({ committed: [set.timestamp] });
  });

  it('continues with the other sets when one cannot be swept', async () => {
    const deps = await freshDeps();
    const bad = await storeObjects(deps.store, { timestamp: '20260301000000' });
    const good = await storeObjects(deps.store, { timestamp: '20260201000000' });
    await storeAll(deps.store, [...documentsOf(bad), ...documentsOf(good)]);
    // The manifest of the bad set cannot be created: a folder has its name.
    const blocked = `${formatKey({ kind: 'manifest', timestamp: bad.timestamp })}/in-the-way`;
    await deps.store.create(blocked, Buffer.from('x'));
    const report = await sweep(deps);
    expect(report.committed).toEqual([good.timestamp]);
    expect(report.problems).toMatchObject([{ set: bad.timestamp }]);
  });

  it('aborts the uploads of a sealed set, and old uploads of an overdue set', async () => {
    const deps = await freshDeps();
    const sealed = await storeObjects(deps.store, { timestamp: '20260301000000' });
    const open = await storeObjects(deps.store, { timestamp: '20260201000000' });
    const packOf = ({ timestamp }: { timestamp: string }) =>
      formatKey({ kind: 'pack', timestamp, content: 0, attempt: 7, worker: 7, sequence: 7 });
    const pending = async () =>
      (await Array.fromAsync(deps.store.pendingUploads('sets/'))).map(({ key }) => key);
    await beginUpload(deps.store, packOf(sealed));
    await beginUpload(deps.store, packOf(open));
    await storeAll(deps.store, [...documentsOf(sealed), open.plan]);
    expect(await sweep(deps)).toMatchObject({ uploadsAborted: 1 });
    expect(await pending()).toEqual([packOf(open)]);
    expect(await sweep(later(deps, HOUR / 2), { overdueAfterSeconds: 1 })).toMatchObject({
      overdue: [open.timestamp],
      uploadsAborted: 0,
    });
    expect(await sweep(later(deps, HOUR + 60_000))).toMatchObject({
      uploadsAborted: 1,
    });
    expect(await pending()).toEqual([]);
  });

  it('ignores foreign folders and files', async () => {
    const deps = await freshDeps();
    for (const key of ['sets/x/y', 'sets/20260131/z/plan.json', 'restores/no-id/request.json'])
      await deps.store.create(key, Buffer.from('{}'));
    await writeFile(fileOf(deps.store, 'stray'), 'x');
    expect(await sweep(deps)).toMatchObject({ sets: 0, problems: [] });
  });
});

describe('a sweeper', () => {
  it('keeps the uploads of functions from the second in which the set was sealed', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    const { timestamp } = set;
    const part = formatKey({ kind: 'manifest-part', timestamp, content: 9 });
    const pack = formatKey({
      kind: 'pack',
      timestamp,
      content: 9,
      attempt: 1,
      worker: 1,
      sequence: 1,
    });
    for (const key of [part, pack]) await beginUpload(deps.store, key);
    await storeAll(deps.store, documentsOf(set));
    await sweep(deps);
    const left = await Array.fromAsync(deps.store.pendingUploads('sets/'));
    expect(left.map(({ key }) => key)).toEqual([part]);
  });

  it.each([
    ['', 0],
    [', also after more verdicts than it remembers', CHANGED_MAX],
  ])('counts damage that a check finds while the sweep processes that set%s', async (_, others) => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    await sweep(deps);
    const found = { status: 'damaged' as const, checked: { objects: 12, bytes: 1 } };
    const problems = boundedProblems([{ code: 'digest-differs', message: 'flipped' }]);
    let news: Promise<{ key: string }> | undefined;
    // The sweep has listed the verdicts before it asks for the manifest.
    const head: ObjectStore['head'] = async (key, options) => {
      news ??= writeVerdict(deps, set.timestamp, 'verify', { ...found, ...problems });
      for (let hour = 0; hour < others; hour += 1)
        sweeper.noteVerdict(verdictAt(instantOf(new Date(hour * 3_600_000))));
      sweeper.noteVerdict((await news).key);
      return deps.store.head(key, options);
    };
    const damaged: number[] = [];
    const second = Promise.withResolvers<void>();
    const onSwept = ({ result }: SweepAttempt) => {
      if (result.ok) damaged.push(result.value.statuses.damaged);
      if (damaged.length === 2) second.resolve();
    };
    const sweeper = startSweeper(
      { ...deps, store: { ...deps.store, head } },
      { intervalMs: 1, onSwept },
    );
    await second.promise;
    await sweeper.stop();
    expect(damaged.slice(0, 2)).toEqual([0, 1]);
  });
});

const verdictAt = (instant: string) =>
  formatKey({ kind: 'verdict', timestamp: instant.slice(0, 14), instant, level: 'verify' });
