import { expect, test } from 'vitest';
import { timestampOf } from '../../../backup-set/base/timestamps.ts';
import { Config } from '../../../cli/config/schema.ts';
import type { ClusterContext } from '../../../cli/context.ts';
import { collectStatus } from '../../../cli/status/collect.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { describeSet } from '../../../functions/sets/status.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { freshDeps } from '../functions/place.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';

/** Counts the calls of a store: each is at least one request. */
function counted(store: ObjectStore) {
  const calls: string[] = [];
  const proxy = new Proxy(store, {
    get(target, name: keyof ObjectStore) {
      const value = target[name];
      if (typeof value !== 'function') return value;
      return (...args: never[]) => {
        calls.push(`${name} ${String(args[0] ?? '')}`);
        return (value as (...all: never[]) => unknown).apply(target, args);
      };
    },
  });
  return { store: proxy, calls };
}

test('the status of a root with many sets takes few requests, and none for the older sets', async () => {
  const deps = await freshDeps();
  const now = Date.now();
  for (let day = 0; day < 60; day += 1) {
    const timestamp = timestampOf(new Date(now - day * 86_400_000));
    const set = await storeObjects(deps.store, { timestamp, contents: [0] });
    await storeAll(deps.store, documentsOf(set));
    if (day < 2) await stitch(deps, timestamp);
  }
  const database = (await describeSet(deps, timestampOf(new Date(now))))?.database;
  const { store, calls } = counted(deps.store);
  const config = Config.parse({
    root: deps.store.url,
    database,
    segments: [{ content: 0, host: 'db0' }],
    schedule: { entries: { nightly: { at: '0 2 * * *', backup: {} } } },
  });
  const { clock, log } = deps;
  const context = { config, clock, log, env: {}, signal: new AbortController().signal };
  const status = await collectStatus(context as unknown as ClusterContext, store, undefined);
  expect(status.complete?.timestamp).toBe(timestampOf(new Date(now)));
  expect(status.sets).toHaveLength(1);
  expect(calls.length, calls.join('\n')).toBeLessThanOrEqual(16);
  // The newest complete set is one of another database: older ones can be of the configured one.
  const other = { ...context, config: { ...config, database: 'another' } };
  const wider = await collectStatus(other as unknown as ClusterContext, deps.store, undefined);
  expect(wider.sets).toHaveLength(12);
  expect(wider.complete?.timestamp).toBe(timestampOf(new Date(now)));
});
