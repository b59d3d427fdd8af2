import { DOCUMENT_BYTES_MAX, decode } from '../../../backup-set/base/document.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Order, Outcome } from '../../../backup-set/documents/restore/restore.ts';
import type { Deps } from '../../../functions/deps.ts';
import { inProcess } from '../../../functions/events/in-process.ts';
import { copySet } from '../../../functions/sets/copy.ts';
import type { Task } from '../scheduler.ts';
import { receiptFor, requestOf } from '../staged-restore.ts';
import type { Lifetime } from './world.ts';

/** A restore: request, plan, orders and receipts, and a look at every frame that it must load. */
export async function restore(life: Lifetime, deps: Deps, timestamp: string): Promise<void> {
  const { store } = deps;
  const read = (key: string) => store.read(key, { bytesMax: DOCUMENT_BYTES_MAX });
  const planKey = formatKey({ kind: 'plan', timestamp });
  const plan = decode(Plan, { key: planKey, bytes: await read(planKey) });
  const at = new Date(life.now).toISOString().replaceAll(/\D/g, '').slice(0, 17);
  const id = `${at}-${String(life.serial()).padStart(8, '0')}`;
  const functions = inProcess(deps);
  const write = async (key: string, bytes: Uint8Array) => {
    await store.create(key, bytes);
    await functions.announce(key);
  };
  const request = requestOf(life.random, plan, id);
  await write(request.key, request.bytes);
  await functions.idle();
  const outcomeKey = formatKey({ kind: 'outcome', restore: id });
  const answered = new Set<string>();
  while ((await store.head(outcomeKey)) === undefined) {
    const orders: string[] = [];
    for await (const { key } of store.list(`restores/${id}/orders/`))
      if (!answered.has(key)) orders.push(key);
    if (orders.length === 0) return;
    for (const key of orders) {
      answered.add(key);
      const bytes = await read(key);
      await readFrames(life, deps, id, key, bytes);
      const receipt = receiptFor({ id, fails: undefined }, key, bytes);
      if (receipt !== undefined) await write(receipt.key, receipt.bytes);
    }
    await functions.idle();
  }
  const outcome = decode(Outcome, { key: outcomeKey, bytes: await read(outcomeKey) });
  life.count(`restore ${outcome.status}`);
}

async function readFrames(
  life: Lifetime,
  { store }: Deps,
  id: string,
  key: string,
  bytes: Uint8Array,
): Promise<void> {
  const order = decode(Order, { key, bytes });
  if (order.phase !== 'data' || order.role !== 'load') return;
  for (const { extents } of order.relations)
    for (const extent of extents)
      if ((await store.head(extent.key)) === undefined)
        life.violations.push(`restore ${id} needs ${extent.key}, which was removed`);
}

/** `stowage copy`. What it says to have copied must be whole at the target. */
export async function copy(
  life: Lifetime,
  deps: Deps,
  task: Task,
  timestamp: string,
): Promise<void> {
  const target = { ...deps, store: life.target };
  try {
    const { verdict } = await copySet(deps, target, timestamp);
    life.count(`copy ${verdict.status}`);
    if (verdict.status !== 'complete')
      life.violations.push(`the copy of ${timestamp} is ${verdict.status}`);
  } catch (error) {
    // A copy that could not write that it reads the set can lose it, and says so.
    if (!isStowageError(error, 'storage/not-found') || life.faulty.has(task.name)) throw error;
    life.violations.push(`the copy of ${timestamp} has lost an object: ${error.message}`);
  }
}
