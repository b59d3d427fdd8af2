import pino from 'pino';
import { expect, test } from 'vitest';
import { parseKey } from '../../backup-set/base/keys.ts';
import { runJob } from '../../functions/events/route.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { ROOT_URL } from './deliveries.ts';
import { openMemory } from './memory-store.ts';
import { type SimulationOptions, simulate } from './simulate.ts';

// A runner that never fails proves nothing: each of these breaks one thing on purpose, and must be seen.

const WORLDS_MAX = 300;

/** What the runner says of the first of many worlds in which it sees something wrong. */
async function firstViolation(options: () => SimulationOptions): Promise<string> {
  for (let seed = 1; seed <= WORLDS_MAX; seed += 1) {
    const said = await simulate(seed, options()).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (said !== undefined) return said;
  }
  return 'nothing was noticed';
}

test('a sweep that finds nothing', async () => {
  const elsewhere = {
    clock: () => new Date(0),
    log: pino({ level: 'silent' }),
    store: openMemory(ROOT_URL),
  };
  const idle = () => sweep(elsewhere);
  expect(await firstViolation(() => ({ functions: { sweep: idle } }))).toMatch(
    /not committed|verdict says undefined/,
  );
});

test('a store that overwrites', async () => {
  const said = await firstViolation(() => {
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
  expect(said).toMatch(/was overwritten/);
});

test('functions that take the word of the seal for the bytes of a receipt', async () => {
  const said = await firstViolation(() => ({
    wrap: (store) => ({
      ...store,
      async read(key, options) {
        const bytes = await store.read(key, options);
        if (parseKey(key)?.kind !== 'receipt') return bytes;
        return Buffer.from(Buffer.from(bytes).toString().replace('12:00:01.000Z', '12:00:00.000Z'));
      },
    }),
  }));
  expect(said).toMatch(/written for a set whose defect is: receipt-altered/);
});

test('a manifest whose bytes depend on who writes it', async () => {
  const said = await firstViolation(() => ({
    wrap: (store) => ({
      ...store,
      create: (key, body) =>
        store.create(
          key,
          parseKey(key)?.kind === 'manifest' ? Buffer.concat([body, Buffer.from(' ')]) : body,
        ),
    }),
  }));
  expect(said).toMatch(/manifest.json has other bytes/);
});

test('a sweep that validates again and again', async () => {
  const said = await firstViolation(() => ({
    functions: {
      async sweep(deps, options) {
        const report = await sweep(deps, options);
        await runJob(deps, { work: 'validate', of: '20260131120000' });
        return report;
      },
    },
  }));
  expect(said).toMatch(/there is no rest/);
});
