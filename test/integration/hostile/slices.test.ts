import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey, parseKey } from '../../../backup-set/base/keys.ts';
import { SliceOrder, SliceReceipt } from '../../../backup-set/documents/tasks.ts';
import type { Deps } from '../../../functions/deps.ts';
import { requestTask } from '../../../functions/tasks/tasks.ts';
import { handle } from '../../support/handle.ts';
import { bytesOf, keysOf, verdictsOf } from '../functions/place.ts';
import { AT, committed, outcomes } from '../functions/slicing.ts';

describe('a verification with forged documents', () => {
  /** A task whose orders are written but not executed. */
  async function cut() {
    const { deps, set } = await committed();
    const request = await requestTask(deps, set.timestamp, 'verify', AT);
    const { wrote: orders } = await handle(deps, request);
    const task = taskOf(request);
    return { deps, set, task, orders };
  }

  const taskOf = (key: string) => key.split('/')[1] ?? '';

  async function replace({ store }: Deps, key: string, bytes: Uint8Array): Promise<void> {
    await store.delete([key]);
    await store.create(key, bytes);
  }

  async function carryOut(deps: Deps, orders: readonly string[]): Promise<string[]> {
    return (await Promise.all(orders.map((key) => handle(deps, key)))).flatMap(
      ({ wrote }) => wrote,
    );
  }

  it('reports an order that leaves objects out', async () => {
    const { deps, orders } = await cut();
    const key = orders[2] ?? '';
    const order = decode(SliceOrder, { key, bytes: await bytesOf(deps.store, key) });
    const pieces = order.pieces.map(({ content }) => ({ content, from: 2, to: 0 }));
    await replace(deps, key, encode(SliceOrder, { ...order, pieces }));
    const [receipt = ''] = await carryOut(deps, orders);
    await handle(deps, receipt);
    expect(await outcomes(deps)).toMatchObject([
      {
        status: 'damaged',
        problems: [{ message: 'the slices have read 10 objects, the set has 12' }],
      },
    ]);
  });

  it('reports the receipt of one slice under the number of another', async () => {
    const { deps, task, orders } = await cut();
    const [receipt = ''] = await carryOut(deps, orders);
    const of = (slice: number) => formatKey({ kind: 'slice-receipt', task, slice });
    await replace(deps, of(4), await bytesOf(deps.store, of(1)));
    await handle(deps, receipt);
    expect(await outcomes(deps)).toMatchObject([
      {
        status: 'damaged',
        problemsTotal: 1,
        problems: [{ code: 'documents-disagree', object: of(4) }],
      },
    ]);
  });

  it('reports documents that belong to another task', async () => {
    const { deps, set, task, orders } = await cut();
    await carryOut(deps, orders);
    const other = taskOf(
      await requestTask(deps, set.timestamp, 'verify', new Date(AT.getTime() + 1)),
    );
    for (const key of await keysOf(deps.store, `tasks/${task}/`)) {
      if (!key.endsWith('/request.json'))
        await deps.store.create(key.replace(task, other), await bytesOf(deps.store, key));
    }
    await handle(deps, formatKey({ kind: 'slice-receipt', task: other, slice: 0 }));
    expect(await outcomes(deps)).toMatchObject([{ task: other, status: 'damaged' }]);
  });

  it('waits for a receipt that was deleted after it was listed', async () => {
    const { deps, orders } = await cut();
    const [receipt = ''] = await carryOut(deps, orders);
    const isGone: Deps['store']['read'] = (key, options) =>
      parseKey(key)?.kind === 'slice-receipt' && key.endsWith('/3.json')
        ? Promise.reject(new StowageError('storage/not-found', 'gone'))
        : deps.store.read(key, options);
    await handle({ ...deps, store: { ...deps.store, read: isGone } }, receipt);
    expect(await outcomes(deps)).toEqual([]);
    expect(await verdictsOf(deps.store)).toEqual([]);
  });

  it('ends a task whose request cannot be read', async () => {
    const { deps, set } = await committed();
    const task = `20260201000000000-${set.timestamp}-verify`;
    const key = formatKey({ kind: 'task-request', task });
    await deps.store.create(key, Buffer.from('nonsense'));
    await handle(deps, key);
    expect(await outcomes(deps)).toMatchObject([
      { status: 'damaged', problems: [{ code: 'document-unreadable', object: key }] },
    ]);
  });

  it.each(['task-plan', 'slice-order', 'slice-receipt'] as const)(
    'ends a task of which a %s cannot be read',
    async (kind) => {
      const { deps, task, orders } = await cut();
      const receipts = kind === 'slice-receipt' ? await carryOut(deps, orders) : [];
      const key =
        kind === 'task-plan' ? formatKey({ kind, task }) : formatKey({ kind, task, slice: 1 });
      await replace(deps, key, Buffer.from('nonsense'));
      const others = kind === 'slice-order' ? [key] : await carryOut(deps, orders);
      for (const each of [...receipts, ...others]) await handle(deps, each);
      expect(await outcomes(deps)).toMatchObject([
        {
          status: 'damaged',
          problems: expect.arrayContaining([
            expect.objectContaining({ code: 'document-unreadable', object: key }),
          ]),
        },
      ]);
    },
  );

  it('names problems of every slice, also when one slice has very many', async () => {
    const { deps, task, orders } = await cut();
    const [receipt = ''] = await carryOut(deps, orders);
    for (const slice of [0, 5]) {
      const key = formatKey({ kind: 'slice-receipt', task, slice });
      const sound = decode(SliceReceipt, { key, bytes: await bytesOf(deps.store, key) });
      const problems = Array.from({ length: slice === 0 ? 1000 : 1 }, (_, at) => ({
        code: 'digest-differs' as const,
        message: `of slice ${slice}`,
        offset: at,
      }));
      const problemsTotal = slice === 0 ? 4000 : 1;
      await replace(deps, key, encode(SliceReceipt, { ...sound, problems, problemsTotal }));
    }
    await handle(deps, receipt);
    const [outcome] = await outcomes(deps);
    expect(outcome?.problemsTotal).toBe(4001);
    expect(outcome?.problems).toHaveLength(1000);
    expect(outcome?.problems.at(-1)).toMatchObject({ message: 'of slice 5' });
  });
});
