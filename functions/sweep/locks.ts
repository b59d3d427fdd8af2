import { dateOf } from '../../backup-set/base/timestamps.ts';
import type { Deps } from '../deps.ts';
import { extendRetention } from '../handlers/extend-retention.ts';
import { lockConfiguration } from '../lock/configuration.ts';
import { newestLockRecord } from '../lock/record.ts';
import type { OnSet, SetStatus } from './report.ts';

const DAY_MS = 24 * 3_600_000;

/**
 * Extends the retention of packs that complete sets use, where the event of their manifest was lost
 * or an earlier run had problems. Looks only at sets that are still to be locked.
 */
export async function extendRetentions(
  deps: Deps,
  closed: ReadonlyMap<string, SetStatus | 'over'>,
  onSet: OnSet,
): Promise<void> {
  if (deps.store.lock === undefined) return;
  const configured = await lockConfiguration(deps, 'the retention of carried packs not swept');
  const days = deps.lockDays ?? configured?.days;
  if (configured?.mode === undefined || days === undefined) return;
  const since = (await deps.store.now({ signal: deps.signal })).getTime() - days * DAY_MS;
  for (const [timestamp, status] of closed) {
    if (status !== 'complete' || dateOf(timestamp).getTime() < since) continue;
    await onSet(timestamp, async () => {
      if ((await newestLockRecord(deps, timestamp))?.status !== 'complete')
        await extendRetention(deps, timestamp);
    });
  }
}
