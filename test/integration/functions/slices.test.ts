import { open, rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../backup-set/base/document.ts';
import { formatKey, parseKey } from '../../../backup-set/base/keys.ts';
import { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import type { Deps } from '../../../functions/deps.ts';
import { inProcess } from '../../../functions/events/in-process.ts';
import { requestVerification } from '../../../functions/handlers/request-verification.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { writeVerdict } from '../../../functions/stored/write-verdict.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { replicatePiece } from '../../../functions/tasks/replicate-piece.ts';
import { requestTask } from '../../../functions/tasks/tasks.ts';
import { handle } from '../../support/handle.ts';
import { bytesOf, fileOf, freshDeps, keysOf, later, verdictsOf } from './place.ts';
import { type SmallSet, storeAll, storeObjects } from './sets.ts';
import { AT, committed, outcomes, run } from './slicing.ts';

const kindsIn = async ({ store }: Deps, kind: string) =>
  (await keysOf(store, 'tasks/')).filter((key) => parseKey(key)?.kind === kind);

const packOf = ({ timestamp }: SmallSet, content: number, sequence: number) =>
  formatKey({ kind: 'pack', timestamp, content, attempt: 1, worker: 1, sequence });

async function flip({ store }: Deps, key: string, offset: number): Promise<void> {
  const file = await open(fileOf(store, key), 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 0x01]), 0, 1, offset);
  await file.close();
}

describe('a verification in slices', () => {
  it('reads every object of an undamaged set once, and writes one verdict', async () => {
    const { deps, set } = await committed();
    await run(deps, await requestTask(deps, set.timestamp, 'verify', AT));
    expect(await kindsIn(deps, 'slice-receipt')).toHaveLength(6);
    const [verdict] = await verdictsOf(deps.store);
    expect(verdict).toMatchObject({
      level: 'verify',
      status: 'complete',
      checked: { objects: 12 },
      problems: [],
    });
    expect(await outcomes(deps)).toMatchObject([
      { status: 'complete', objects: 12, problemsTotal: 0 },
    ]);
  });

  it('lists the receipts only after the receipt of the last slice arrived', async () => {
    const { deps, set } = await committed();
    const request = await requestTask(deps, set.timestamp, 'verify', AT);
    const { wrote } = await handle(deps, request);
    const listed: string[] = [];
    const store: Deps['store'] = {
      ...deps.store,
      list(prefix, options) {
        if (prefix.endsWith('/receipts/')) listed.push(prefix);
        return deps.store.list(prefix, options);
      },
    };
    for (const [at, order] of wrote.entries()) {
      const receipts = (await handle({ ...deps, store }, order)).wrote;
      for (const receipt of receipts) await handle({ ...deps, store }, receipt);
      if (at < wrote.length - 1) expect(listed).toEqual([]);
    }
    expect(await outcomes(deps)).toMatchObject([{ status: 'complete' }]);
    expect(listed).toHaveLength(1);
  });

  it('names a flipped bit with content, relation and offset, as a local verification does', async () => {
    const { deps, set } = await committed();
    await flip(deps, packOf(set, 1, 1), 20);
    await run(deps, await requestTask(deps, set.timestamp, 'verify', AT));
    const [verdict] = await verdictsOf(deps.store);
    const found = { code: 'digest-differs', content: 1, object: packOf(set, 1, 1), offset: 0 };
    expect(verdict?.status).toBe('damaged');
    expect(verdict?.problems).toContainEqual(
      expect.objectContaining({ ...found, relation: { schema: 'public', name: 'place' } }),
    );
  });

  it('reports a missing object once, though both the validation and its slice find it', async () => {
    const { deps, set } = await committed();
    await deps.store.delete([packOf(set, 2, 2)]);
    await run(deps, await requestTask(deps, set.timestamp, 'verify', AT));
    const [verdict] = await verdictsOf(deps.store);
    expect(verdict).toMatchObject({ status: 'damaged', problemsTotal: 1 });
    expect(verdict?.problems[0]).toMatchObject({
      code: 'object-missing',
      object: packOf(set, 2, 2),
    });
  });

  it('gives one verdict for repeated events in any order', async () => {
    const { deps, set } = await committed();
    const request = await requestTask(deps, set.timestamp, 'verify', AT);
    const { wrote: orders } = await handle(deps, request);
    const events = [...orders, ...orders, request, ...orders].toReversed();
    const receipts = (await Promise.all(events.map((key) => handle(deps, key)))).flatMap(
      ({ wrote }) => wrote,
    );
    await Promise.all([...receipts, ...receipts].map((key) => handle(deps, key)));
    expect(await verdictsOf(deps.store)).toHaveLength(1);
    expect(await outcomes(deps)).toHaveLength(1);
  });

  it('writes no verdict while a slice has not been read', async () => {
    const { deps, set } = await committed();
    const { wrote } = await handle(deps, await requestTask(deps, set.timestamp, 'verify', AT));
    for (const key of wrote.slice(1)) await handle(deps, (await handle(deps, key)).wrote[0] ?? '');
    expect(await verdictsOf(deps.store)).toEqual([]);
    expect(await outcomes(deps)).toEqual([]);
  });

  it('is finished by the sweeper when no event arrives', async () => {
    const { deps, set } = await committed();
    await requestTask(deps, set.timestamp, 'verify', AT);
    await sweep(deps);
    expect(await outcomes(deps)).toEqual([]);
    // Later than any running function could end.
    await sweep(later(deps, 901_000));
    expect(await outcomes(deps)).toMatchObject([{ status: 'complete', objects: 12 }]);
  });

  it('passes the orders of abandoned slices to the queue when the sweeper has one', async () => {
    const { deps, set } = await committed();
    await requestTask(deps, set.timestamp, 'verify', AT);
    const functions = inProcess(deps);
    const given: string[] = [];
    const onSlice = (order: string) => {
      given.push(order);
      void functions.announce(order);
    };
    await sweep(deps, { onSlice });
    await functions.idle();
    expect(given).toHaveLength(6);
    expect(await outcomes(deps)).toMatchObject([{ status: 'complete', objects: 12 }]);
  });

  it('refuses a set without a manifest, and a set that does not exist', async () => {
    const deps = await freshDeps();
    await run(deps, await requestTask(deps, '20260131010203', 'verify', AT));
    expect(await outcomes(deps)).toMatchObject([
      { status: 'incomplete', problems: [{ code: 'object-missing' }] },
    ]);
    expect(await verdictsOf(deps.store)).toEqual([]);
  });

  it('reports a manifest that was replaced after the task was planned', async () => {
    const { deps, set } = await committed();
    const { wrote } = await handle(deps, await requestTask(deps, set.timestamp, 'verify', AT));
    const key = formatKey({ kind: 'manifest', timestamp: set.timestamp });
    const text = Buffer.from(await bytesOf(deps.store, key)).toString();
    await deps.store.delete([key]);
    await deps.store.create(
      key,
      Buffer.from(text.replace('"cluster":"small"', '"cluster":"other"')),
    );
    for (const order of wrote)
      for (const receipt of (await handle(deps, order)).wrote) await handle(deps, receipt);
    expect(await outcomes(deps)).toMatchObject([
      { status: 'damaged', problems: [{ code: 'documents-disagree' }] },
    ]);
  });
});

describe('the schedule of verify', () => {
  it('requests one verification of the newest committed set', async () => {
    const { deps, set } = await committed();
    const open = await storeObjects(deps.store, { timestamp: '20260301000000' });
    await storeAll(deps.store, [open.plan]);
    const { wrote } = await requestVerification(deps);
    expect(wrote).toEqual([expect.stringContaining(`-${set.timestamp}-verify/request.json`)]);
    expect((await requestVerification(deps)).wrote).toEqual([]);
    await run(deps, wrote[0] ?? '');
    expect(await verdictsOf(deps.store)).toMatchObject([{ level: 'verify', status: 'complete' }]);
    expect((await requestVerification(deps)).wrote).toEqual([]);
  });
});

describe('replication', () => {
  async function withReplica() {
    const { store: replica } = await freshDeps();
    const { deps, set } = await committed({ replica });
    return { deps, set, replica, there: { ...deps, store: replica } };
  }

  it('copies a validated set, then commits the same manifest and validates it at the alternate location', async () => {
    const { deps, set, replica, there } = await withReplica();
    await run(deps, (await validate(deps, set.timestamp)).wrote[0] ?? '');
    const key = formatKey({ kind: 'manifest', timestamp: set.timestamp });
    expect(Buffer.from(await bytesOf(replica, key)).equals(await bytesOf(deps.store, key))).toBe(
      true,
    );
    expect(await verdictsOf(replica)).toMatchObject([{ level: 'validate', status: 'complete' }]);
    expect(await outcomes(deps)).toMatchObject([
      { status: 'complete', root: replica.url, problemsTotal: 0 },
    ]);
    // The copy needs nothing from the source: it is deleted.
    await rm(fileOf(deps.store, 'sets'), { recursive: true });
    expect((await validate(there, set.timestamp)).verdict.status).toBe('complete');
  });

  it('ends and commits nothing when the alternate location has another part of the manifest', async () => {
    const { deps, set, replica } = await withReplica();
    const part = formatKey({ kind: 'manifest-part', timestamp: set.timestamp, content: 1 });
    await replica.create(part, Buffer.from('{}\n'));
    await run(deps, (await validate(deps, set.timestamp)).wrote[0] ?? '');
    expect(await outcomes(deps)).toMatchObject([
      { status: 'damaged', problems: [{ code: 'documents-disagree', object: part }] },
    ]);
    expect(
      await replica.head(formatKey({ kind: 'manifest', timestamp: set.timestamp })),
    ).toBeUndefined();
  });

  it('does not copy a seal or manifest that a forged part names among its packs', async () => {
    const { deps, set, replica } = await withReplica();
    const key = formatKey({ kind: 'manifest-part', timestamp: set.timestamp, content: 0 });
    const part = decode(ManifestPart, { key, bytes: await bytesOf(deps.store, key) });
    const foreign = formatKey({ kind: 'manifest', timestamp: set.timestamp });
    const packs = part.packs.map((pack) => ({ ...pack, key: foreign }));
    const { problems } = await replicatePiece(
      deps,
      { ...part, packs },
      { content: 0, from: 0, to: 4 },
    );
    expect(problems).toMatchObject([{ object: foreign }, { object: foreign }]);
    expect(await replica.head(foreign)).toBeUndefined();
  });

  it('is requested once for any number of verdicts', async () => {
    const { deps, set } = await withReplica();
    for (let time = 0; time < 3; time++)
      await run(deps, (await validate(deps, set.timestamp)).wrote[0] ?? '');
    expect(await kindsIn(deps, 'task-request')).toHaveLength(1);
  });

  it('commits nothing at the alternate location when an object was deleted meanwhile', async () => {
    const { deps, set, replica } = await withReplica();
    const { wrote } = await validate(deps, set.timestamp);
    await deps.store.delete([packOf(set, 1, 1)]);
    await run(deps, wrote[0] ?? '');
    expect(await outcomes(deps)).toMatchObject([
      { status: 'damaged', problems: [{ code: 'object-missing' }] },
    ]);
    const key = formatKey({ kind: 'manifest', timestamp: set.timestamp });
    expect(await replica.head(key)).toBeUndefined();
  });

  it('does not copy a set that a verification found damaged, whatever a later validation finds', async () => {
    const { deps, set } = await withReplica();
    const problems = [{ code: 'digest-differs' as const, message: 'a bit has flipped' }];
    const found = {
      status: 'damaged' as const,
      checked: { objects: 1, bytes: 1 },
      problems,
      problemsTotal: 1,
    };
    await writeVerdict(deps, set.timestamp, 'verify', found);
    const { verdict, wrote } = await validate(deps, set.timestamp);
    expect(verdict.status).toBe('complete');
    await run(deps, wrote[0] ?? '');
    await sweep(deps);
    expect(await kindsIn(deps, 'task-request')).toEqual([]);
  });

  it('continues an interrupted copy', async () => {
    const { deps, set, replica } = await withReplica();
    await replica.copyFrom(deps.store, packOf(set, 0, 1));
    await run(deps, (await validate(deps, set.timestamp)).wrote[0] ?? '');
    expect(await outcomes(deps)).toMatchObject([{ status: 'complete' }]);
  });

  it('is requested by the sweeper when the event of the verdict was lost', async () => {
    const { deps, set, replica } = await withReplica();
    await validate(deps, set.timestamp);
    await sweep(deps);
    await sweep(later(deps, 901_000));
    const key = formatKey({ kind: 'manifest', timestamp: set.timestamp });
    expect(await replica.head(key)).toBeDefined();
  });
});
