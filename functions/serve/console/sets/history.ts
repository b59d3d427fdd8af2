import { eachInFlight, type weighed } from '../../../../async/each-in-flight.ts';
import { HEAD_BYTES_MAX } from '../../../../backup-set/base/document.ts';
import { isStowageError } from '../../../../backup-set/base/errors.ts';
import { formatKey } from '../../../../backup-set/base/keys.ts';
import type { Deps } from '../../../deps.ts';
import { isOfOneObject } from '../../../stored/unreadable.ts';
import type { HistoryPoint, TableHistory } from '../api.ts';
import { findVolume } from './find-table.ts';

/** Manifests of one table that are read at once: 5 MB each for 10,000 tables. */
const MANIFESTS_IN_FLIGHT = 3;
/** Tables whose history is kept. */
const TABLES_MAX = 64;

type Found = HistoryPoint | 'without' | 'unreadable';

/** Histories of tables under one root. Manifests never change: what was found is kept. */
export function tableHistories(deps: Deps, heavy: ReturnType<typeof weighed>) {
  const tables = new Map<string, Map<string, Found>>();
  const running = new Map<string, Promise<void>>();
  /** Of readings that ended after their answer. */
  const failures = new Map<string, { readonly error: unknown }>();

  async function readSets(
    found: Map<string, Found>,
    name: { readonly schema: string; readonly name: string },
    sets: readonly string[],
  ): Promise<void> {
    const isRead = (one: Found | undefined) => one !== undefined && one !== 'unreadable';
    const unread = sets.filter((timestamp) => !isRead(found.get(timestamp)));
    await eachInFlight(unread, MANIFESTS_IN_FLIGHT, async (timestamp) => {
      const key = formatKey({ kind: 'manifest', timestamp });
      try {
        const limit = { signal: deps.signal, bytesMax: HEAD_BYTES_MAX };
        const totals = await heavy(1, async () =>
          findVolume(Buffer.from(await deps.store.read(key, limit)), name),
        );
        found.set(timestamp, totals === undefined ? 'without' : { timestamp, ...totals });
      } catch (error) {
        // Removed meanwhile: the next list of sets does not have it.
        if (isStowageError(error, 'storage/not-found')) found.set(timestamp, 'without');
        else if (error instanceof SyntaxError || isOfOneObject(error))
          found.set(timestamp, 'unreadable');
        else throw error;
      }
    });
  }

  /**
   * @param sets complete ones, newest first.
   * @param waitMs the answer says how many are not read by then.
   */
  return async (
    { database, ...name }: { database: string; schema: string; name: string },
    sets: readonly string[],
    waitMs: number,
  ): Promise<TableHistory> => {
    const id = JSON.stringify([database, name.schema, name.name]);
    const found = tables.get(id) ?? new Map<string, Found>();
    tables.delete(id);
    tables.set(id, found);
    for (const oldest of tables.keys()) if (tables.size > TABLES_MAX) tables.delete(oldest);
    const before = failures.get(id);
    failures.delete(id);
    if (before !== undefined) throw before.error;
    const reading =
      running.get(id) ?? readSets(found, name, sets).finally(() => running.delete(id));
    running.set(id, reading);
    if (!(await within(reading, waitMs)))
      reading.catch((error: unknown) => {
        for (const oldest of failures.keys())
          if (failures.size >= TABLES_MAX) failures.delete(oldest);
        failures.set(id, { error });
      });
    const read = sets.toReversed().flatMap((timestamp) => {
      const one = found.get(timestamp);
      return one === undefined ? [] : [[timestamp, one] as const];
    });
    return {
      ...name,
      points: read.flatMap(([, one]) => (typeof one === 'string' ? [] : [one])),
      without: read.flatMap(([timestamp, one]) => (one === 'without' ? [timestamp] : [])),
      unreadable: read.flatMap(([timestamp, one]) => (one === 'unreadable' ? [timestamp] : [])),
      reading: sets.length - read.length,
    };
  };
}

/**
 * Waits for work that goes on. A failure after the wait is the caller's to note.
 * @returns whether it has ended.
 */
export async function within(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const waited = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const ended = work.then(() => true);
  ended.catch(() => undefined);
  return Promise.race([ended, waited]).finally(() => clearTimeout(timer));
}
