import * as fc from 'fast-check';
import pino from 'pino';
import { expect, test } from 'vitest';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { acquireLease } from './hold-lease.ts';
import { slotOf, takeSlot } from './lease.ts';

const SLOT_MS = 300_000;

/** A store of documents with a clock of its own, in memory. */
function memoryDeps(now: () => number): Deps & { readonly objects: Map<string, Uint8Array> } {
  const objects = new Map<string, Uint8Array>();
  const store = {
    async create(key: string, body: Uint8Array) {
      if (objects.has(key)) throw new StowageError('storage/exists', key);
      objects.set(key, body);
    },
    async read(key: string) {
      const found = objects.get(key);
      if (found === undefined) throw new StowageError('storage/not-found', key);
      return found;
    },
    now: async () => new Date(now()),
  } as unknown as ObjectStore;
  return { store, clock: () => new Date(0), log: pino({ level: 'silent' }), objects };
}

const termsOf = (holder: string) => ({ name: 'schedule', holder, slotMs: SLOT_MS }) as const;

/** What a runner does: takes the present slot, or, as its holder, the next one. */
const step = fc.record({
  holder: fc.constantFrom('a', 'b', 'c'),
  isRenewal: fc.boolean(),
  passMs: fc.integer({ min: 0, max: SLOT_MS }),
});

test('two holders never hold the lease at one moment, however takes and renewals interleave', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      let now = 1_700_000_000_000;
      const deps = memoryDeps(() => now);
      const held = new Map<number, string>();
      const latest = new Map<string, number>();
      for (const { holder, isRenewal, passMs } of steps) {
        now += passMs;
        const present = slotOf(now, SLOT_MS);
        const slot = isRenewal && latest.get(holder) === present ? present + SLOT_MS : present;
        const other = await takeSlot(deps, termsOf(holder), slot);
        if (other !== undefined) {
          expect(held.get(slot)).toBe(other.holder);
          continue;
        }
        expect(held.get(slot) ?? holder).toBe(holder);
        held.set(slot, holder);
        latest.set(holder, slot);
      }
    }),
  );
});

test('of many that take one slot at the same time exactly one gets it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: 12 }), async (runners) => {
      const deps = memoryDeps(() => 1_700_000_000_000);
      const names = Array.from({ length: runners }, (_, at) => `runner ${at}`);
      const found = await Promise.all(names.map((name) => takeSlot(deps, termsOf(name), 0)));
      expect(found.filter((other) => other === undefined)).toHaveLength(1);
    }),
  );
});

/** Time that passes only by `pass`: it wakes what sleeps, in order. */
function virtualTime() {
  let now = 1_700_000_100_000;
  let sleepers: { readonly at: number; wake(): void }[] = [];
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return {
    now: () => now,
    pause: (ms: number, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        sleepers.push({ at: now + ms, wake: resolve });
        signal.addEventListener('abort', () => resolve());
        if (signal.aborted) resolve();
      }),
    async pass(ms: number) {
      const end = now + ms;
      for (;;) {
        await settle();
        const [next] = sleepers.toSorted((a, b) => a.at - b.at);
        if (next === undefined || next.at > end) break;
        sleepers = sleepers.filter((one) => one !== next);
        now = Math.max(now, next.at);
        next.wake();
      }
      now = end;
      await settle();
    },
  };
}

test('a holder that another runner followed is told before its slot ends', async () => {
  const time = virtualTime();
  const deps = memoryDeps(time.now);
  const begin = slotOf(time.now(), SLOT_MS);
  const acquired = await acquireLease(deps, termsOf('first'), time);
  if (!acquired.ok) throw new Error('not acquired');
  await takeSlot(deps, termsOf('second'), begin + SLOT_MS);
  let toldAt: number | undefined;
  acquired.held.lost.addEventListener('abort', () => (toldAt = time.now()));
  await time.pass(2 * SLOT_MS);
  expect(toldAt).toBeLessThan(begin + SLOT_MS);
  await acquired.held.release();
});

test('a holder that the store does not answer is told before its slot ends', async () => {
  const time = virtualTime();
  const deps = memoryDeps(time.now);
  const begin = slotOf(time.now(), SLOT_MS);
  const acquired = await acquireLease(deps, termsOf('first'), time);
  if (!acquired.ok) throw new Error('not acquired');
  deps.store.create = () => Promise.reject(new StowageError('storage/unavailable', 'cut off'));
  let toldAt: number | undefined;
  acquired.held.lost.addEventListener('abort', () => (toldAt = time.now()));
  await time.pass(2 * SLOT_MS);
  expect(toldAt).toBeLessThan(begin + SLOT_MS);
  await acquired.held.release();
});

test('a holder keeps slot after slot until it releases, and a successor waits for the last', async () => {
  const time = virtualTime();
  const deps = memoryDeps(time.now);
  const acquired = await acquireLease(deps, termsOf('first'), time);
  if (!acquired.ok) throw new Error('not acquired');
  for (let look = 0; look < 40; look++) {
    await time.pass(SLOT_MS / 4);
    expect(await acquireLease(deps, termsOf('second'), time)).toMatchObject({
      ok: false,
      other: { holder: 'first' },
    });
  }
  expect(acquired.held.lost.aborted).toBe(false);
  await acquired.held.release();
  await time.pass(2 * SLOT_MS - (time.now() % SLOT_MS));
  const successor = await acquireLease(deps, termsOf('second'), time);
  expect(successor.ok).toBe(true);
  if (successor.ok) await successor.held.release();
});

test('a release does not wait for a store that gives no answer to a renewal', async () => {
  const deps = memoryDeps(() => 1_700_000_100_000);
  const isAsked = Promise.withResolvers<void>();
  const silent: Deps = {
    ...deps,
    store: {
      ...deps.store,
      create(key, body, options) {
        if (deps.objects.size === 0) return deps.store.create(key, body, options);
        isAsked.resolve();
        return new Promise((_, reject) => {
          options?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
        });
      },
    },
  };
  const passing = { now: () => 0, pause: async () => undefined };
  const acquired = await acquireLease(silent, termsOf('a'), passing);
  if (!acquired.ok) throw new Error('not ours');
  await isAsked.promise;
  await acquired.held.release();
  expect(acquired.held.lost.aborted).toBe(false);
});
