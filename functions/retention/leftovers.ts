import { throwIfInterrupted } from '../../async/abort.ts';
import { ANNOUNCEMENTS } from '../../backup-set/base/keys/ledger-keys.ts';
import { REQUESTS } from '../../backup-set/base/keys/request-keys.ts';
import { HEARTBEATS, LEASES, SCHEDULES } from '../../backup-set/base/keys/schedule-keys.ts';
import { EXPIRIES, formatKey, parseKey } from '../../backup-set/base/keys.ts';
import { partsOfTask, TaskId } from '../../backup-set/base/timestamps.ts';
import { earlier } from '../../backup-set/retention/duration.ts';
import type { RetentionRules } from '../../backup-set/retention/rules.ts';
import type { Deps } from '../deps.ts';
import { apart } from '../stored/unreadable.ts';
import { isDead, listRuns, type Run } from './readers.ts';

/** One DeleteObjects request. */
const BATCH_MAX = 1_000;

export interface Leftovers {
  /** Restores and tasks of which all objects were removed. */
  readonly runs: number;
  readonly objects: number;
  /** What stays because the store refused it. */
  readonly problems: readonly string[];
}

/**
 * Removes the documents of restores and tasks that ended long ago, or in which nothing was stored
 * for as long, of old runs of expiry and of schedules, old requests of the console, old heartbeats,
 * and old announcements.
 */
export async function removeLeftovers(
  deps: Deps,
  { keepRequests }: Pick<RetentionRules, 'keepRequests'>,
): Promise<Leftovers> {
  const now = await deps.store.now({ signal: deps.signal });
  const limit = earlier(now, keepRequests);
  const old: Run[] = [];
  for await (const run of listRuns(deps)) {
    const isOld = run.endedAt === undefined ? isDead(run, keepRequests, now) : run.endedAt <= limit;
    if (isOld && !(await mayBeCopied(deps, run))) old.push(run);
  }
  const unheard = Math.max(limit.getTime(), earlier(now, HEARTBEATS_KEPT).getTime());
  const works: [string, () => Promise<number>][] = [
    ...old.map((run): [string, () => Promise<number>] => [run.prefix, () => removeRun(deps, run)]),
    ...[EXPIRIES, SCHEDULES, LEASES, REQUESTS].map((prefix): [string, () => Promise<number>] => [
      prefix,
      () => removeUnder(deps, prefix, ({ modifiedAt }) => modifiedAt <= limit),
    ]),
    [HEARTBEATS, () => removeUnder(deps, HEARTBEATS, (one) => one.modifiedAt.getTime() <= unheard)],
    [ANNOUNCEMENTS, () => removeAnnouncements(deps, limit, now)],
  ];
  let objects = 0;
  const problems: string[] = [];
  // What the store refuses in one folder keeps nothing in the others.
  for (const [prefix, work] of works) {
    if (problems.length === PROBLEMS_MAX) break;
    objects += await apart(deps, `old documents below ${prefix} stay`, work, ({ message }) => {
      problems.push(`old documents below ${prefix} stay: ${message}`);
      return 0;
    });
  }
  if (objects > 0)
    deps.log.info({ runs: old.length, objects }, 'documents of old restores and tasks removed');
  return { runs: old.length, objects, problems };
}

/** After so many refusals it looks for no more: the keys have no right to delete. */
const PROBLEMS_MAX = 100;

/** An agent that was silent for so long is known by its contents, which no agent serves. */
const HEARTBEATS_KEPT = '7d';

/** An event of the last 7 days whose ledger is gone would be sent again. */
const LEDGER_KEPT = '30d';

async function removeAnnouncements(deps: Deps, limit: Date, now: Date): Promise<number> {
  const before = Math.min(limit.getTime(), earlier(now, LEDGER_KEPT).getTime());
  return removeUnder(
    deps,
    ANNOUNCEMENTS,
    ({ key, modifiedAt }) =>
      parseKey(key)?.kind === 'announcement' && modifiedAt.getTime() <= before,
  );
}

/**
 * The task that copied a set which is still there, or may be: without it the set would be copied
 * again after it has expired at the alternate location.
 */
async function mayBeCopied(deps: Deps, { kind, id }: Run): Promise<boolean> {
  if (kind !== 'task' || !TaskId.safeParse(id).success) return false;
  const { timestamp, work } = partsOfTask(id);
  if (work !== 'replicate') return false;
  const { store, signal } = deps;
  const key = formatKey({ kind: 'manifest', timestamp });
  const isThere = async () => (await store.head(key, { signal })) !== undefined;
  return apart(deps, `task ${id} is kept`, isThere, () => true);
}

/** The request goes first: without it no function continues the run. The outcome goes last. */
async function removeRun(deps: Deps, { prefix }: Run): Promise<number> {
  const outcome = `${prefix}outcome.json`;
  await deps.store.delete([`${prefix}request.json`], { signal: deps.signal });
  const removed = await removeUnder(deps, prefix, ({ key }) => key !== outcome);
  await deps.store.delete([outcome], { signal: deps.signal });
  return removed + 1;
}

async function removeUnder(
  deps: Deps,
  prefix: string,
  goes: (object: { readonly key: string; readonly modifiedAt: Date }) => boolean,
): Promise<number> {
  let removed = 0;
  let batch: string[] = [];
  const flush = async () => {
    throwIfInterrupted(deps.signal, 'removing old requests');
    if (batch.length > 0) await deps.store.delete(batch, { signal: deps.signal });
    removed += batch.length;
    batch = [];
  };
  for await (const object of deps.store.list(prefix, { signal: deps.signal })) {
    if (!goes(object)) continue;
    batch.push(object.key);
    if (batch.length === BATCH_MAX) await flush();
  }
  await flush();
  return removed;
}
