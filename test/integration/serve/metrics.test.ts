import { describe, expect, it } from 'vitest';
import { writeVerdict } from '../../../functions/stored/write-verdict.ts';
import { waitUntil } from '../../support/wait-for.ts';
import { freshDeps } from '../functions/place.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';
import { eventsOf, metricIn, post, serving } from './serving.ts';

describe('metrics', () => {
  const metricsOf = async (url: string) => (await fetch(`${url}/metrics`)).text();

  it('count events, jobs and sets, and give the age of the newest complete set', async () => {
    const day = 86_400_000;
    const deps = await freshDeps(() => new Date(Date.UTC(2026, 0, 31, 1, 2, 3) + day));
    const { url } = await serving(deps, { sweepIntervalMs: 50 });
    const before = await metricsOf(url);
    expect(before).not.toMatch(/^stowage_hours_since_complete_set /m);
    expect(metricIn(before, 'stowage_events_total{result="dropped"}')).toBe(0);
    const set = await storeObjects(deps.store, { timestamp: '20260131010203' });
    await storeAll(deps.store, documentsOf(set));
    await post(url, eventsOf([set.seal.key, 'elsewhere']));
    await post(url, 'not JSON');
    let after = '';
    await waitUntil(async () => {
      after = await metricsOf(url);
      return metricIn(after, 'stowage_sets{status="complete"}') === 1;
    });
    expect(metricIn(after, 'stowage_hours_since_complete_set')).toBeCloseTo(24, 1);
    expect(metricIn(after, 'stowage_sets_overdue')).toBe(0);
    expect(metricIn(after, 'stowage_events_total{result="taken"}')).toBe(1);
    expect(metricIn(after, 'stowage_events_total{result="ignored"}')).toBe(1);
    expect(metricIn(after, 'stowage_events_total{result="malformed"}')).toBe(1);
    await waitUntil(async () => metricIn(await metricsOf(url), 'stowage_queue_running') === 0);
    const last = await metricsOf(url);
    expect(metricIn(last, 'stowage_jobs_total{work="stitch",result="done"}')).toBe(1);
    expect(metricIn(last, 'stowage_job_seconds_count{work="stitch"}')).toBe(1);
    expect(metricIn(last, 'stowage_sweeps_total{result="failed"}')).toBe(0);
    expect(last).toMatch(/^process_resident_memory_bytes \d/m);
  });

  it('count a set as damaged after a later check: at once with its event, else within a day', async () => {
    let now = Date.now();
    const deps = await freshDeps(() => new Date(now));
    const verdictOf = async (timestamp: string) => {
      const set = await storeObjects(deps.store, { timestamp });
      await storeAll(deps.store, documentsOf(set));
      return async () => {
        const damage = [{ code: 'digest-differs' as const, message: 'a bit has flipped' }];
        const checked = { objects: 1, bytes: 1 };
        return writeVerdict(deps, timestamp, 'verify', {
          status: 'damaged',
          checked,
          problems: damage,
          problemsTotal: 1,
        });
      };
    };
    const [one, other] = [await verdictOf('20260131010203'), await verdictOf('20260201010203')];
    const { url } = await serving(deps, { sweepIntervalMs: 20 });
    const damaged = async () => metricIn(await metricsOf(url), 'stowage_sets{status="damaged"}');
    await waitUntil(
      async () => metricIn(await metricsOf(url), 'stowage_sets{status="complete"}') === 2,
    );
    now += 1000;
    await post(url, eventsOf([(await one()).key]));
    await waitUntil(async () => (await damaged()) === 1);
    await other();
    now += 25 * 3600_000;
    await waitUntil(async () => (await damaged()) === 2);
    expect(await metricsOf(url)).not.toMatch(/^stowage_hours_since_complete_set /m);
  });

  it('count a set without new objects as overdue', async () => {
    const deps = await freshDeps(() => new Date(Date.now() + 3600_000));
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, [set.plan]);
    const { url } = await serving(deps);
    await waitUntil(async () => metricIn(await metricsOf(url), 'stowage_sets_overdue') === 1);
    expect(metricIn(await metricsOf(url), 'stowage_sets{status="incomplete"}')).toBe(1);
  });
});
