import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pino from 'pino';
import { expect, it, onTestFinished } from 'vitest';

import { weighed } from '../../../async/each-in-flight.ts';
import { pause } from '../../../async/poll.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { instantOf, timestampOf } from '../../../backup-set/base/timestamps.ts';
import { viewRoot } from '../../../functions/serve/console/sets/root-view.ts';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { writeComplete, writePlan, writeVerdict } from '../../support/console/sets.ts';
import { waitUntil } from '../../support/wait-for.ts';

/** What the console says of sets, on generated roots. */

const HOUR_MS = 3600_000;
const TABLES = [{ schema: 'sales', name: 'orders' }];
/** One moment for all sets: a test names a set twice, and a second may end in between. */
const NOW = Date.now();
const ago = (hours: number) => new Date(NOW - hours * HOUR_MS);
const generated = (hours: number) => ({
  ...{ timestamp: timestampOf(ago(hours)), contents: 2, tables: TABLES, growth: 1 },
});

async function viewed(change: (store: ObjectStore) => ObjectStore = (store) => store) {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-console-listing-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const url = pathToFileURL(folder).href;
  const store = await openStore({ root: url });
  onTestFinished(() => store.close());
  const deps = { store: change(store), clock: () => new Date(), log: pino({ level: 'silent' }) };
  const view = viewRoot(deps, { id: 0, name: 'shop', url }, weighed(2));
  return { folder, view };
}

it('a backup is compared with an older set of its own database and kind', async () => {
  const { folder, view } = await viewed();
  const [full, own] = [generated(9), { ...generated(8), base: generated(9).timestamp }];
  await writeComplete(folder, full);
  await writeComplete(folder, own);
  await writeComplete(folder, { ...generated(7), database: 'billing' });
  const running = { ...generated(6), base: full.timestamp };
  await writePlan(folder, running);
  await writeComplete(folder, generated(5));
  const whole = generated(4);
  await writePlan(folder, whole);
  await waitUntil(async () => (await view.overview()).reading === 0);
  expect((await view.backup(running.timestamp)).expectedFrom).toBe(own.timestamp);
  expect((await view.backup(whole.timestamp)).expectedFrom).toBe(generated(5).timestamp);
  const first = { ...generated(3), database: 'new' };
  await writePlan(folder, first);
  expect(await view.backup(first.timestamp)).not.toHaveProperty('expectedFrom');
});

it('a later check hides neither what is unusual about a set nor that every byte was read', async () => {
  const { folder, view } = await viewed();
  const { timestamp } = generated(9);
  await writeComplete(folder, generated(9));
  const warnings = Array.from({ length: 7 }, (_, at) => ({
    ...{ code: 'rows-fewer' as const, message: `sales.orders_${at} lost its rows` },
  }));
  const unusual = { warnings, warningsTotal: 7 };
  await writeVerdict(folder, timestamp, 'validate', instantOf(ago(8)), [], 'complete', unusual);
  await writeVerdict(folder, timestamp, 'verify', instantOf(ago(7)));
  await writeVerdict(folder, timestamp, 'drill', instantOf(ago(6)));
  await waitUntil(async () => (await view.overview()).reading === 0);
  const { sets, attention } = await view.overview();
  expect(sets).toMatchObject([{ warningsTotal: 7, verifiedAt: expect.any(String) as string }]);
  expect(await view.overview()).toHaveProperty('asOf');
  expect(attention.at(-1)?.detail).toMatch(/\(and 2 more\)$/);
});

it('a store that fails after the answer is reported by the next answers', async () => {
  const { folder, view } = await viewed((store) => ({
    ...store,
    url: store.url,
    async head() {
      await pause(800);
      throw new StowageError('storage/unavailable', 'the server does not answer');
    },
  }));
  await writeComplete(folder, generated(9));
  // The failure comes between two polls of a page.
  expect((await view.overview()).reading).toBeGreaterThan(0);
  await pause(400);
  await expect(view.overview()).rejects.toThrow('the server does not answer');
});
