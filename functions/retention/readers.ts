import * as z from 'zod';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { decode } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey, parseKey, RESTORES, TASKS } from '../../backup-set/base/keys.ts';
import { partsOfTask, Timestamp } from '../../backup-set/base/timestamps.ts';
import { earlier } from '../../backup-set/retention/duration.ts';
import type { Deps } from '../deps.ts';
import { READS_IN_FLIGHT, readDocument } from '../stored/load.ts';

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

/** The readers of each set: restores and tasks that were requested and have not ended. */
export async function openRuns(deps: Deps, keepRequests: string): Promise<Map<string, string[]>> {
  const now = await deps.store.now({ signal: deps.signal });
  const readers = new Map<string, string[]>();
  const add = (timestamp: string, reader: string) =>
    readers.set(timestamp, [...(readers.get(timestamp) ?? []), reader]);
  const open = async function* () {
    for await (const run of listRuns(deps))
      if (run.hasRequest && run.endedAt === undefined && !isDead(run, keepRequests, now)) yield run;
  };
  await eachInFlight(open(), READS_IN_FLIGHT, async (run) => {
    const timestamp = run.kind === 'task' ? taskSet(run) : await restoreSet(deps, run.id);
    if (timestamp !== undefined) add(timestamp, `${run.kind} ${run.id}`);
  });
  return readers;
}

function taskSet({ prefix, id }: Run): string | undefined {
  const isTask = parseKey(`${prefix}request.json`) !== undefined;
  return isTask ? partsOfTask(id).timestamp : undefined;
}

async function restoreSet(deps: Deps, restore: string): Promise<string | undefined> {
  const key = formatKey({ kind: 'restore-request', restore });
  const raw = await readDocument(deps, key);
  if (raw === undefined) return undefined;
  try {
    return decode(z.object({ timestamp: Timestamp }), raw).timestamp;
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    deps.log.warn({ err: error, restore }, 'restore ignored: its request names no set');
    return undefined;
  }
}
