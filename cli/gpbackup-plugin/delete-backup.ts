import { StowageError } from '../../backup-set/base/errors.ts';
import { Timestamp } from '../../backup-set/base/timestamps.ts';
import type { Deps } from '../../functions/deps.ts';
import { deleteSet, planDeletion } from '../../functions/sets/delete.ts';
import { isSet } from '../../functions/stored/is-set.ts';
import { SCRATCH } from './place.ts';

const BATCH = 1_000;

/**
 * Removes one backup. The operator of gpbackup has chosen it, so it may be the last one; a set that
 * is held, read or needed by increments stays.
 * @throws StowageError `set/needed`, `set/held`, `set/in-use`.
 */
export async function deleteBackup(deps: Deps, timestamp: string): Promise<void> {
  if (!/^\d{14}$/.test(timestamp))
    throw new StowageError('usage/flag', `${JSON.stringify(timestamp)} is not a timestamp`);
  await deleteScratch(deps, timestamp);
  if (!Timestamp.safeParse(timestamp).success || !(await isSet(deps, timestamp))) return;
  const plan = await planDeletion(deps, timestamp);
  const refusal = plan.refusals.find(({ code }) => code !== 'set/last');
  if (refusal !== undefined)
    throw new StowageError(
      refusal.code,
      `set ${timestamp} was not deleted: ${refusal.message}${refusal.isFinal ? '' : `. \`stowage delete ${timestamp} --force\` deletes it`}`,
    );
  await deleteSet(deps, plan);
}

async function deleteScratch({ store, signal }: Deps, timestamp: string): Promise<void> {
  let batch: string[] = [];
  const flush = async () => {
    if (batch.length > 0) await store.delete(batch, { signal });
    batch = [];
  };
  const prefix = `${SCRATCH}${timestamp.slice(0, 8)}/${timestamp}/`;
  for await (const { key } of store.list(prefix, { signal })) {
    batch.push(key);
    if (batch.length === BATCH) await flush();
  }
  await flush();
}
