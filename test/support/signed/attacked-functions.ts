import pino from 'pino';
import { pause } from '../../../async/poll.ts';
import { decode, encode } from '../../../backup-set/base/document.ts';
import { type Phase, parseKey } from '../../../backup-set/base/keys.ts';
import { Order } from '../../../backup-set/documents/restore/restore.ts';
import type { Deps } from '../../../functions/deps.ts';
import { advanceRestore } from '../../../functions/handlers/advance-restore.ts';
import { planRestore } from '../../../functions/handlers/plan-restore.ts';
import type { ObjectStore } from '../../../storage/store.ts';

/** What an attacker with rights to write makes of a document. */
export type Change = (key: string, bytes: Uint8Array) => Uint8Array;

/** Runs the functions of all restores; the attacker changes what they write. */
export async function runFunctions(store: ObjectStore, change: Change, signal: AbortSignal) {
  const create: ObjectStore['create'] = (key, bytes, options) =>
    store.create(key, bytes instanceof Uint8Array ? change(key, bytes) : bytes, options);
  const deps: Deps = {
    ...{ store: { ...store, create }, clock: () => new Date() },
    log: pino({ level: 'silent' }),
  };
  while (!signal.aborted) {
    for await (const { key } of store.list('restores/')) {
      const parsed = parseKey(key);
      // A changed order is not written again as it should be.
      if (parsed?.kind === 'restore-request')
        await planRestore(deps, parsed.restore).catch(ignored);
      if (parsed?.kind === 'restore-plan')
        await advanceRestore(deps, parsed.restore).catch(ignored);
    }
    await pause(100, signal);
  }
}

const ignored = () => undefined;

/** An order of this phase that does less, and agrees with itself. */
export const shortened =
  (phase: Phase, content = 1): Change =>
  (key, bytes) => {
    const parsed = parseKey(key);
    if (parsed?.kind !== 'order' || parsed.phase !== phase || parsed.content !== content)
      return bytes;
    const order = decode(Order, { key, bytes });
    if (order.phase === 'data')
      return encode(Order, {
        ...order,
        relations: order.relations.map((one) => ({ ...one, rows: 0, bytes: 0, extents: [] })),
      });
    return order.phase === 'pre-data' ? encode(Order, { ...order, noOwner: true }) : bytes;
  };
