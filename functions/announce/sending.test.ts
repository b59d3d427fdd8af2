import pino from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Trouble } from '../../async/watch/trouble.ts';
import type { Deps } from '../deps.ts';
import type { Event } from '../observe/events.ts';
import type { AnnounceOutcome, Announcer } from './announcer.ts';
import { startSending } from './sending.ts';

const SINCE = new Date('2026-01-31T00:00:00Z');

/** A channel that fails so often, and a store whose trouble the test sets. */
function place(failures: number) {
  const told: string[] = [];
  const except: string[][] = [];
  let trouble: Trouble | undefined;
  let now = SINCE;
  let left = failures;
  const announcer: Announcer = {
    announce: async () => [],
    async tell({ name, id }: Event, by) {
      told.push(name);
      except.push([...(by ?? [])]);
      const result: AnnounceOutcome['result'] = left-- > 0 ? 'retried' : 'sent';
      const good = { channel: 'good', event: id, result: 'sent', answer: '' } as const;
      return [{ channel: 'ops', event: id, result, answer: '' }, good];
    },
    waiting: () => 0,
  };
  const deps = { clock: () => now, log: pino({ level: 'silent' }) } as Deps;
  const sending = startSending(deps, {
    announcer,
    storeTrouble: () => trouble,
    onOutcome: () => undefined,
    onEvent: () => undefined,
  });
  return {
    told,
    except,
    async pass(seconds: number, failing: boolean) {
      now = new Date(SINCE.getTime() + seconds * 1000);
      trouble = failing ? { code: 'storage/denied', since: SINCE, times: 1 } : undefined;
      sending.offer([]);
      // One pass: it only awaits promises that are resolved.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('a store that fails for a minute is told of once, and again when it works', async () => {
  const { told, pass } = place(0);
  for (const seconds of [0, 30, 60, 90, 300]) await pass(seconds, true);
  await pass(330, false);
  await pass(360, false);
  expect(told).toEqual(['storage-failing', 'storage-back']);
});

test('a message that waits is tried again without a sweep', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let passes = 0;
  const announcer: Announcer = {
    async announce() {
      passes++;
      return [];
    },
    tell: async () => [],
    waiting: () => (passes < 3 ? 1 : 0),
  };
  const deps = { clock: () => SINCE, log: pino({ level: 'silent' }) } as Deps;
  const nothing = () => undefined;
  const sending = startSending(deps, {
    ...{ announcer, storeTrouble: nothing, onOutcome: nothing, onEvent: nothing },
  });
  sending.offer([]);
  for (let minutes = 0; minutes < 5; minutes++) {
    await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(30_000);
  }
  await sending.stop();
  expect(passes).toBe(3);
});

test('a store that fails for a moment is not told of', async () => {
  const { told, pass } = place(0);
  await pass(30, true);
  await pass(60, false);
  expect(told).toEqual([]);
});

test('a channel that fails, too, is told three times and no more', async () => {
  const { told, pass } = place(100);
  for (const seconds of [60, 90, 120, 150, 180]) await pass(seconds, true);
  expect(told).toEqual(['storage-failing', 'storage-failing', 'storage-failing']);
});

test('a channel that has accepted that the store fails is not told again', async () => {
  const { except, pass } = place(2);
  for (const seconds of [60, 90, 120, 150]) await pass(seconds, true);
  expect(except).toEqual([[], ['good'], ['good']]);
});
