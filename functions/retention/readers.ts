import * as z from 'zod';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { formatKey, parseKey, RESTORES, TASKS } from '../../backup-set/base/keys.ts';
import { partsOfTask, Timestamp } from '../../backup-set/base/timestamps.ts';
import { earlier } from '../../backup-set/retention/duration.ts';
import type { Deps } from '../deps.ts';
import { READS_IN_FLIGHT } from '../stored/load.ts';
import { tryRead } from '../stored/try-read.ts';

/** A restore or task, as a listing shows it. */
export interface Run {
  /** Its folder: `restores/<id>/`. */
  readonly prefix: string;
  readonly kind: 'restore' | 'task';
  readonly id: string;
  readonly hasRequest: boolean;
  /** When its outcome was stored; undefined = it has not ended. */
  readonly endedAt: Date | undefined;
  /** When its last object was stored. */
  readonly lastAt: Date;
}

/** All restores and tasks of a root: one LIST per 1,000 objects. */
export async function* listRuns(deps: Deps): AsyncGenerator<Run> {
  for (const [root, kind] of [
    [RESTORES, 'restore'],
    [TASKS, 'task'],
  ] as const) {
    let run: Run | undefined;
    for await (const { key, modifiedAt } of deps.store.list(root, { signal: deps.signal })) {
      const id = key.slice(root.length, key.indexOf('/', root.length));
      const prefix = `${root}${id}/`;
      if (!key.startsWith(prefix)) continue;
      if (run?.prefix !== prefix) {
        if (run !== undefined) yield run;
        const none = { hasRequest: false, endedAt: undefined, lastAt: modifiedAt };
        run = { prefix, kind, id, ...none };
      }
      const name = key.slice(prefix.length);
      run = {
        ...run,
        hasRequest: run.hasRequest || name === 'request.json',
        endedAt: name === 'outcome.json' ? modifiedAt : run.endedAt,
        lastAt: latest(modifiedAt, run.lastAt),
      };
    }
    if (run !== undefined) yield run;
  }
}

const latest = (a: Date, b: Date) => (a > b ? a : b);

/** A run without an outcome is dead when nothing was stored for so long. */
export function isDead({ lastAt }: Run, keepRequests: string, now: Date): boolean {
  return lastAt <= earlier(now, keepRequests);
}

/**
 * The readers of each of these sets: restores and tasks that were requested and have not ended. A
 * restore of which neither request nor plan can be read may read any older set.
 */
export async function openRuns(
  deps: Deps,
  timestamps: Iterable<string>,
  keepRequests: string,
): Promise<Map<string, string[]>> {
  const now = await deps.store.now({ signal: deps.signal });
  const readers = new Map<string, string[]>();
  const add = (timestamp: string, reader: string) =>
    readers.set(timestamp, [...(readers.get(timestamp) ?? []), reader]);
  const open = async function* () {
    for await (const run of listRuns(deps))
      if (run.hasRequest && run.endedAt === undefined && !isDead(run, keepRequests, now)) yield run;
  };
  const unknown: Run[] = [];
  await eachInFlight(open(), READS_IN_FLIGHT, async (run) => {
    const timestamp = run.kind === 'task' ? taskSet(run) : await restoreSet(deps, run.id);
    if (timestamp === 'any') unknown.push(run);
    else if (timestamp !== undefined) add(timestamp, `${run.kind} ${run.id}`);
  });
  // It can read every set that was there when it was asked for.
  for (const { id } of unknown)
    for (const timestamp of timestamps)
      if (timestamp <= id.slice(0, timestamp.length))
        add(timestamp, `restore ${id}, whose request cannot be read`);
  return readers;
}

function taskSet({ prefix, id }: Run): string | undefined {
  const isTask = parseKey(`${prefix}request.json`) !== undefined;
  return isTask ? partsOfTask(id).timestamp : undefined;
}

const NamesASet = z.object({ timestamp: Timestamp });

/**
 * The set that a restore reads, by its request, or by its plan where the request cannot be read.
 * Undefined: none, because no function could plan it. `any`: neither says which.
 */
async function restoreSet(deps: Deps, restore: string): Promise<string | 'any' | undefined> {
  let isRequestWithheld = false;
  const request = formatKey({ kind: 'restore-request', restore });
  const asked = await tryRead(deps, request, NamesASet, ({ code }) => {
    isRequestWithheld = code !== 'set/unreadable';
  });
  if (asked !== undefined) return asked.timestamp;
  let isPlanUnreadable = false;
  const key = formatKey({ kind: 'restore-plan', restore });
  const plan = await tryRead(deps, key, NamesASet, () => {
    isPlanUnreadable = true;
  });
  return plan?.timestamp ?? (isRequestWithheld || isPlanUnreadable ? 'any' : undefined);
}
