import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../backup-set/base/document.ts';
import { formatKey, PHASES, type Phase, phasePrefix } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { Order, Outcome } from '../../../backup-set/documents/restore/restore.ts';
import type { Deps } from '../../../functions/deps.ts';
import { inProcess } from '../../../functions/events/in-process.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { handle } from '../../support/handle.ts';
import { bytesOf, fileOf, freshDeps, keysOf, later, verdictsOf } from './place.ts';
import { storeCounts, storeReceipt, storeRequest } from './restores.ts';
import { documentsOf, type SmallSet, storeAll, storeObjects } from './sets.ts';

const ID = '20260201000000000-0123abcd';

async function committed(): Promise<{ deps: Deps; set: SmallSet }> {
  const deps = await freshDeps();
  const set = await storeObjects(deps.store);
  await storeAll(deps.store, documentsOf(set));
  await stitch(deps, set.timestamp);
  return { deps, set };
}

const ordersOf = ({ store }: Deps, phase: Phase) => keysOf(store, phasePrefix(ID, 'orders', phase));

async function outcomeOf({ store }: Deps): Promise<Outcome> {
  const key = formatKey({ kind: 'outcome', restore: ID });
  return decode(Outcome, { key, bytes: await bytesOf(store, key) });
}

const packOf = ({ timestamp }: SmallSet, content: number, sequence: number) =>
  formatKey({ kind: 'pack', timestamp, content, attempt: 1, worker: 1, sequence });

describe('a valid restore request', () => {
  it('runs phase by phase to its outcome, each phase after all receipts of the previous one', async () => {
    const { deps, set } = await committed();
    await validate(deps, set.timestamp);
    const functions = inProcess(deps);
    await functions.announce(await storeRequest(deps.store, set, ID));
    await functions.idle();
    for (const phase of PHASES) {
      for (const content of set.contents) {
        expect(await ordersOf(deps, phase)).toHaveLength(set.contents.length);
        const next = PHASES[PHASES.indexOf(phase) + 1];
        if (next !== undefined) expect(await ordersOf(deps, next)).toEqual([]);
        await functions.announce(await storeReceipt(deps.store, ID, phase, content));
        await functions.idle();
      }
    }
    expect(await outcomeOf(deps)).toMatchObject({
      status: 'restored',
      totals: { contents: 3, relations: 3, rows: 3 * 807 },
      problems: [],
    });
    expect((await verdictsOf(deps.store)).map(({ level, status }) => [level, status])).toEqual([
      ['validate', 'complete'],
    ]);
  });

  it('gives orders that contain every extent exactly once', async () => {
    const { deps, set } = await committed();
    await handle(deps, await storeRequest(deps.store, set, ID, { verify: false }));
    for (const content of set.contents) await storeReceipt(deps.store, ID, 'pre-data', content);
    await handle(
      deps,
      formatKey({ kind: 'restore-receipt', restore: ID, phase: 'pre-data', content: 0 }),
    );
    const seen: string[] = [];
    for (const key of await ordersOf(deps, 'data')) {
      const order = decode(Order, { key, bytes: await bytesOf(deps.store, key) });
      if (order.phase !== 'data') throw new Error(`${key} is of phase ${order.phase}`);
      for (const { extents } of order.relations)
        seen.push(...extents.map((extent) => `${extent.key} ${extent.offset}`));
    }
    expect(seen).toHaveLength(9);
    expect(new Set(seen).size).toBe(9);
  });

  it('reads the receipts of a phase once, and not again for each later receipt', async () => {
    const { deps, set } = await committed();
    await handle(deps, await storeRequest(deps.store, set, ID));
    for (const content of set.contents) await storeReceipt(deps.store, ID, 'verify', content);
    const reads: string[] = [];
    const store: Deps['store'] = {
      ...deps.store,
      read(key, options) {
        if (key.includes('/receipts/verify/')) reads.push(key);
        return deps.store.read(key, options);
      },
    };
    const judge = { ...deps, store };
    await handle(
      judge,
      formatKey({ kind: 'restore-receipt', restore: ID, phase: 'verify', content: 0 }),
    );
    expect(reads).toHaveLength(set.contents.length);
    expect(await ordersOf(deps, 'pre-data')).toHaveLength(set.contents.length);
    await handle(judge, await storeReceipt(deps.store, ID, 'pre-data', 0));
    expect(reads).toHaveLength(set.contents.length);
  });

  it('ends the same with repeated and concurrent handlers, and with the sweeper alone', async () => {
    const { deps, set } = await committed();
    const key = await storeRequest(deps.store, set, ID);
    const before = (await keysOf(deps.store, 'restores/')).length;
    await Promise.all([handle(deps, key), handle(deps, key), sweep(deps), handle(deps, key)]);
    expect(await ordersOf(deps, 'verify')).toHaveLength(3);
    expect(await keysOf(deps.store, 'restores/')).toHaveLength(before + 1 + 3);
    for (const phase of PHASES) {
      for (const content of set.contents) await storeReceipt(deps.store, ID, phase, content);
      await Promise.all([sweep(deps), sweep(deps)]);
    }
    expect(await outcomeOf(deps)).toMatchObject({ status: 'restored' });
  });

  it('gets no outcome before its counts, if it asks for them; the sweeper reports the wait', async () => {
    const { deps, set } = await committed();
    const key = await storeRequest(deps.store, set, ID, { count: true });
    await handle(deps, key);
    for (const phase of PHASES) {
      for (const content of set.contents)
        await handle(deps, await storeReceipt(deps.store, ID, phase, content));
    }
    const outcome = formatKey({ kind: 'outcome', restore: ID });
    expect(await deps.store.head(outcome)).toBeUndefined();
    expect((await sweep(deps, { overdueAfterSeconds: 0 })).problems).toEqual([
      { restore: ID, message: expect.stringContaining('has counted the rows in the target') },
    ]);
    await handle(deps, await storeCounts(deps.store, ID, { rows: 3 * 807 }));
    expect(await outcomeOf(deps)).toMatchObject({ status: 'restored', counted: true });
  });

  it('continues after a crash between plan and orders', async () => {
    const { deps, set } = await committed();
    const key = await storeRequest(deps.store, set, ID);
    await handle(deps, key);
    const orders = await ordersOf(deps, 'verify');
    const first = await bytesOf(deps.store, orders[0] ?? '');
    await deps.store.delete(orders);
    await handle(deps, key);
    expect(await ordersOf(deps, 'verify')).toEqual(orders);
    expect(Buffer.compare(first, await bytesOf(deps.store, orders[0] ?? ''))).toBe(0);
  });

  it('ends as failed when a segment failed, after all segments have answered', async () => {
    const { deps, set } = await committed();
    await handle(deps, await storeRequest(deps.store, set, ID, { verify: false }));
    const problem = { code: 'order-failed' as const, content: 0, message: 'disk full' };
    const failed = { status: 'failed' as const, problemsTotal: 1, problems: [problem] };
    await handle(deps, await storeReceipt(deps.store, ID, 'pre-data', 0, failed));
    expect(await keysOf(deps.store)).not.toContain(formatKey({ kind: 'outcome', restore: ID }));
    for (const content of [1, 2])
      await handle(deps, await storeReceipt(deps.store, ID, 'pre-data', content));
    expect(await outcomeOf(deps)).toMatchObject({ status: 'failed', problems: [problem] });
    expect(await ordersOf(deps, 'data')).toEqual([]);
  });

  it('ends when a part of the manifest was deleted, though other parts are still being read', async () => {
    const { deps, set } = await committed();
    await handle(deps, await storeRequest(deps.store, set, ID, { verify: false }));
    const partOf = (content: number) =>
      formatKey({ kind: 'manifest-part', timestamp: set.timestamp, content });
    await deps.store.delete([partOf(0)]);
    for (const content of set.contents) await storeReceipt(deps.store, ID, 'pre-data', content);
    const others = set.contents.filter((content) => content !== 0).map(partOf);
    const read: Deps['store']['read'] = async (key, options) => {
      if (others.includes(key)) await sleep(50);
      return deps.store.read(key, options);
    };
    await handle(
      { ...deps, store: { ...deps.store, read } },
      formatKey({ kind: 'restore-receipt', restore: ID, phase: 'pre-data', content: 0 }),
    );
    expect(await outcomeOf(deps)).toMatchObject({
      status: 'failed',
      problems: [{ code: 'object-missing', content: 0, object: partOf(0) }],
    });
    expect(await ordersOf(deps, 'data')).toEqual([]);
  });

  it('ends when the manifest has changed since the restore was planned', async () => {
    const { deps, set } = await committed();
    await handle(deps, await storeRequest(deps.store, set, ID, { verify: false }));
    await writeFile(
      fileOf(deps.store, formatKey({ kind: 'manifest', timestamp: set.timestamp })),
      '{}\n',
    );
    for (const content of set.contents)
      await handle(deps, await storeReceipt(deps.store, ID, 'pre-data', content));
    expect(await outcomeOf(deps)).toMatchObject({
      status: 'failed',
      problems: [{ code: 'documents-disagree' }],
    });
    expect(await ordersOf(deps, 'data')).toEqual([]);
  });

  it('is reported by the sweeper, but not ended, when segments do not answer', async () => {
    const { deps, set } = await committed();
    await handle(deps, await storeRequest(deps.store, set, ID));
    await storeReceipt(deps.store, ID, 'verify', 1);
    const { problems } = await sweep(later(deps, 7200_000));
    expect(problems).toMatchObject([
      { restore: ID, message: /phase verify waits for content 0, 2: no object was stored since / },
    ]);
    expect(await keysOf(deps.store)).not.toContain(formatKey({ kind: 'outcome', restore: ID }));
  });
});

describe('a restore from a set that is not proven complete (promise 5)', () => {
  const damages: Record<string, (deps: Deps, set: SmallSet) => Promise<unknown>> = {
    'object-missing': ({ store }, set) => store.delete([packOf(set, 1, 1)]),
    'receipt-missing': ({ store }, set) => store.delete([set.receipts[3]?.key ?? '']),
    'size-differs': ({ store }, set) => writeFile(fileOf(store, packOf(set, 0, 2)), 'short'),
    'documents-disagree': ({ store }, set) => writeFile(fileOf(store, set.seal.key), '{}\n'),
  };

  it.each(Object.entries(damages))(
    'is refused before any order is written for a set with %s',
    async (code, damage) => {
      const { deps, set } = await committed();
      await damage(deps, set);
      await handle(deps, await storeRequest(deps.store, set, ID));
      const outcome = await outcomeOf(deps);
      expect(outcome.status).toBe('refused');
      expect(outcome.problems.map((problem) => problem.code)).toContain(code);
      expect(await keysOf(deps.store, 'restores/')).toHaveLength(2);
      expect(await verdictsOf(deps.store)).toMatchObject([
        { level: 'validate', status: 'damaged' },
      ]);
    },
  );

  it('is planned for tables that a missing pack does not hold', async () => {
    const { deps, set } = await committed();
    await deps.store.delete([packOf(set, 1, 2)]);
    const only = { ...EVERYTHING, includeTables: ['"Odd ""one"""."a.b"'] };
    await handle(deps, await storeRequest(deps.store, set, ID, { selection: only, mode: 'fill' }));
    expect(await ordersOf(deps, 'verify')).toHaveLength(3);
  });

  it('is refused for a set without a manifest, and the outcome names its status and problems', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    const lost = set.receipts.at(-1);
    await storeAll(
      deps.store,
      documentsOf(set).filter((document) => document !== lost),
    );
    await handle(deps, await storeRequest(deps.store, set, ID));
    const { status, problems } = await outcomeOf(deps);
    expect(status).toBe('refused');
    expect(problems[0]?.message).toContain(
      `set ${set.timestamp} is incomplete (it has no manifest) and cannot be restored`,
    );
    expect(problems.slice(1)).toContainEqual(
      expect.objectContaining({ code: 'receipt-missing', content: 2 }),
    );
  });

  it.each([
    ['a missing set', { timestamp: '20200101000000' }, /there is no set 20200101000000/],
    [
      'a missing table',
      { selection: { ...EVERYTHING, includeTables: ['no.such'] } },
      /matches nothing/,
    ],
    [
      'another id',
      { id: '20260201000000000-ffffffff' },
      /field id of the document is \S+ instead of/,
    ],
  ])('is refused for %s', async (_, changes, message) => {
    const { deps, set } = await committed();
    const key = formatKey({ kind: 'restore-request', restore: ID });
    const other = 'id' in changes ? await storeRequest(deps.store, set, changes.id) : undefined;
    if (other === undefined) await storeRequest(deps.store, set, ID, changes);
    else await deps.store.create(key, await bytesOf(deps.store, other));
    await handle(deps, key);
    const { status, problems } = await outcomeOf(deps);
    expect(status).toBe('refused');
    expect(problems[0]?.message).toMatch(message);
  });

  it('is refused for a request of another format version, if that names its set', async () => {
    const { deps, set } = await committed();
    const key = formatKey({ kind: 'restore-request', restore: ID });
    const { timestamp } = set;
    const body = { format: 'stowage/restore-request', version: 9, timestamp };
    await deps.store.create(key, Buffer.from(JSON.stringify(body)));
    await handle(deps, key);
    expect(await outcomeOf(deps)).toMatchObject({
      status: 'refused',
      problems: [{ code: 'document-unreadable' }],
    });
  });
});
