import pino from 'pino';
import { expect, test } from 'vitest';
import { parseKey } from '../../backup-set/base/keys.ts';
import { runJob } from '../../functions/events/route.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { ROOT_URL } from './deliveries.ts';
import { openMemory } from './memory-store.ts';
import { type SimulationOptions, simulate } from './simulate.ts';

// A simulation that never fails proves nothing: each test breaks one thing that it must detect.

const WORLDS_MAX = 300;

/** The message of the first of many worlds in which the simulation detects a violation. */
async function firstViolation(options: () => SimulationOptions): Promise<string> {
  for (let seed = 1; seed <= WORLDS_MAX; seed += 1) {
    const message = await simulate(seed, options()).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (message !== undefined) return message;
  }
  return 'nothing was detected';
}

test('the simulation detects a sweep that finds nothing', async () => {
  const elsewhere = {
    clock: () => new Date(0),
    log: pino({ level: 'silent' }),
    store: openMemory(ROOT_URL),
  };
  const idle = () => sweep(elsewhere);
  expect(await firstViolation(() => ({ functions: { sweep: idle } }))).toMatch(
    /not committed|verdict says (?:undefined|incomplete)/,
  );
});

test('the simulation detects a store that overwrites objects', async () => {
  const message = await firstViolation(() => {
    const memory = openMemory(ROOT_URL);
    const inner: ObjectStore = {
      ...memory,
      create: async (key, body) => {
        const there = await memory.head(key);
        return there === undefined ? memory.create(key, body) : there;
      },
    };
    return { inner };
  });
  expect(message).toMatch(/was overwritten/);
});

test('the simulation detects functions that do not compare receipts with the digests in the seal', async () => {
  const message = await firstViolation(() => ({
    wrap: (store) => ({
      ...store,
      async read(key, options) {
        const bytes = await store.read(key, options);
        if (parseKey(key)?.kind !== 'receipt') return bytes;
        return Buffer.from(Buffer.from(bytes).toString().replace('12:00:01.000Z', '12:00:00.000Z'));
      },
    }),
  }));
  expect(message).toMatch(/written for a set whose defect is: receipt-altered/);
});

test('the simulation detects a manifest with wrong bytes', async () => {
  const message = await firstViolation(() => ({
    wrap: (store) => ({
      ...store,
      create: (key, body) =>
        store.create(
          key,
          parseKey(key)?.kind === 'manifest' ? Buffer.concat([body, Buffer.from(' ')]) : body,
        ),
    }),
  }));
  expect(message).toMatch(/manifest.json has other bytes/);
});

test('the simulation detects a sweep that validates a set again and again', async () => {
  const message = await firstViolation(() => ({
    functions: {
      async sweep(deps, options) {
        const report = await sweep(deps, options);
        await runJob(deps, { work: 'validate', of: '20260131120000' });
        return report;
      },
    },
  }));
  expect(message).toMatch(/still writes after all sweeps/);
});
