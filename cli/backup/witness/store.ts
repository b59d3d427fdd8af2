import { eachInFlight } from '../../../async/each-in-flight.ts';
import { asStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { BackupRun } from '../run.ts';
import type { Shipped } from '../ship.ts';
import { witnessDocument } from './documents.ts';

const WRITES_AT_ONCE = 16;

/** Stores witnesses/<content>.json, which the plan pins. @returns a failure, if there is one. */
export async function storeWitnesses({
  store,
  plan,
  draft,
  context,
}: Pick<BackupRun, 'store' | 'plan' | 'draft' | 'context'>): Promise<Shipped['failures']> {
  const { timestamp } = plan;
  const { signal } = context;
  try {
    await eachInFlight(draft.decided ?? [], WRITES_AT_ONCE, async ([content, one]) => {
      const bytes = witnessDocument(one, timestamp, content);
      await store.create(formatKey({ kind: 'witnesses', timestamp, content }), bytes, { signal });
    });
    return [];
  } catch (error) {
    return [{ content: undefined, error: asStowageError(error) }];
  }
}
