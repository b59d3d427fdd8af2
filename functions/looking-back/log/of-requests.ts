import { formatKey } from '../../../backup-set/base/keys.ts';
import { dateOf } from '../../../backup-set/base/timestamps.ts';
import { AskedEnd, AskedRestore, AskedStart } from '../../../backup-set/documents/restore/asked.ts';
import type { Deps } from '../../deps.ts';
import { requestIds } from '../../requests/requests.ts';
import { entryFrom, type LogEntry } from './entries.ts';

/** Restores that were asked for in the console. Three GETs each. */
export async function requestReads(
  deps: Deps,
  isRecent: (id: string) => boolean,
): Promise<(() => Promise<LogEntry[]>)[]> {
  const ids = (await requestIds(deps)).filter(isRecent);
  return ids.map((id) => () => entriesOf(deps, id));
}

async function entriesOf(deps: Deps, restore: string): Promise<LogEntry[]> {
  const at = dateOf(restore.slice(0, 17)).toISOString();
  const known = (kind: 'asked-restore' | 'asked-restore-start' | 'asked-restore-end') => ({
    ...{ at, restore, object: formatKey({ kind, restore }) },
  });
  let set: string | undefined;
  const asked = await entryFrom(
    deps,
    AskedRestore,
    { ...known('asked-restore'), what: 'asked' },
    ({ requestedAt, by, timestamp, target, database, mode }) => {
      set = timestamp;
      const to = database === undefined ? target : `${target}, database ${database}`;
      return { at: requestedAt, by, set: timestamp, to, why: mode };
    },
  );
  const of = set !== undefined && { set };
  const taken = await entryFrom(
    deps,
    AskedStart,
    { ...known('asked-restore-start'), what: 'asked-taken' },
    ({ startedAt, by }) => ({ at: startedAt, by, ...of }),
  );
  const ended = await entryFrom(
    deps,
    AskedEnd,
    { ...known('asked-restore-end'), what: 'asked-ended' },
    ({ endedAt, status, message }) => ({
      ...{ at: endedAt, status, ...of },
      ...(message !== undefined && { why: message }),
    }),
  );
  return [...asked, ...taken, ...ended];
}
