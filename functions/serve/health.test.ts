import { expect, test } from 'vitest';
import { StowageError } from '../../backup-set/base/errors.ts';
import { failure, success } from '../../backup-set/base/result.ts';
import { countPause } from '../../storage/retries.ts';
import type { CallOptions, ObjectStore } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import type { SweepReport } from '../sweep/report.ts';
import { serveHealth } from './health.ts';

const PROBE_MS = 20;
const denied = new StowageError('storage/denied', 'no');

/** A server whose store lists as `list` says: an error, or the end of the list. */
function healthOf(list: (signal: AbortSignal | undefined) => Promise<void>) {
  async function* listPrefixes(_: string, { signal }: CallOptions = {}): AsyncGenerator<string> {
    await list(signal);
    yield* [];
  }
  const store = { listPrefixes } as Partial<ObjectStore> as ObjectStore;
  return serveHealth({ store, clock: () => new Date() } as Deps, PROBE_MS);
}

/** As a request that gets no turn, or no answer. */
const waits = (signal: AbortSignal | undefined) =>
  new Promise<void>((_, reject) => {
    signal?.addEventListener('abort', () => reject(new StowageError('interrupted', 'late')));
  });

test('a store that does not answer a probe is unavailable', async () => {
  const health = healthOf(waits);
  expect(await health.state()).toMatchObject({
    ok: false,
    problems: [`the store did not answer within ${PROBE_MS} ms`],
    storage: { code: 'storage/unavailable' },
  });
});

test('a probe that waits because the store asks for fewer requests is no problem', async () => {
  const health = healthOf(async (signal) => {
    using _ = countPause();
    await waits(signal);
  });
  expect(await health.state()).toEqual({ ok: true, problems: [], sweptAt: undefined });
});

test('a probe that began before a refusal does not end the trouble', async () => {
  const answered = Promise.withResolvers<void>();
  const health = healthOf(() => answered.promise);
  const state = health.state();
  health.recordSweep({ begunMs: performance.now(), seconds: 0, result: failure(denied) });
  answered.resolve();
  expect((await state).storage?.code).toBe('storage/denied');
  const report = {} as SweepReport;
  health.recordSweep({ begunMs: performance.now(), seconds: 0, result: success(report) });
  expect(health.storeTrouble()).toBeUndefined();
});
