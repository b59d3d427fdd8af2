import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createStart, listRuns, readRuns } from '../../../functions/schedule/runs.ts';
import { startStowage, stowage, writeConfig } from '../../support/cli.ts';
import { freshDeps, keysOf } from '../functions/place.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';

const DAY_MS = 86_400_000;

test('serve runs what the schedule missed, as processes, once on two servers, and records how each ended', async () => {
  const deps = await freshDeps();
  await storeAll(deps.store, documentsOf(await storeObjects(deps.store)));
  const folder = await mkdtemp(join(tmpdir(), 'schedule-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const config = await writeConfig(join(folder, 'stowage.yaml'), {
    root: deps.store.url,
    database: 'shop',
    // No server listens there.
    segments: [{ content: 0, host: '127.0.0.1', port: 1 }],
    schedule: {
      catchUp: '2d',
      entries: {
        check: { at: '0 1 * * *', verify: {} },
        nightly: { at: '0 2 * * *', backup: { tags: ['nightly'] } },
      },
    },
  });
  const scheduledAt = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS - 3 * DAY_MS).toISOString();
  for (const entry of ['check', 'nightly'])
    await createStart(deps, {
      format: 'stowage/schedule-start',
      version: 1,
      entry,
      scheduledAt,
      startedAt: scheduledAt,
      by: 'test',
      holder: 'test',
      args: [],
      timeoutSeconds: 60,
    });
  // The first sweep makes the set complete, which `verify latest` needs.
  await stowage(['sweep'], { config });
  const servers = [0, 1].map(() => startStowage(['serve', '--port', '0'], { config }));
  const ended = (entry: string) =>
    Promise.race(
      servers.map((server) =>
        server.waitForEvent('schedule-ended', (each) => each['entry'] === entry),
      ),
    );
  expect(await ended('check')).toMatchObject({ exitCode: 0, set: '20260131010203' });
  expect(await ended('nightly')).toMatchObject({ exitCode: 6, code: 'database/unreachable' });
  for (const server of servers) server.kill('SIGTERM');
  for (const server of servers) expect((await server.ended).code).toBe(0);
  const now = new Date();
  const runs = (await readRuns(deps, await listRuns(deps, now), now)).filter(({ end }) => end);
  // Which of the two was due first depends on the time of day.
  const found = runs.map(({ entry, state, start }) => [entry, state, start?.late]);
  expect(found.toSorted()).toEqual([
    ['check', 'done', true],
    ['nightly', 'failed', true],
  ]);
  expect(await keysOf(deps.store, 'leases/schedule/')).not.toEqual([]);
  const printed = await stowage(['schedule'], { config, plain: true });
  expect(printed.text).toMatch(/check .*verify latest +done .* ago/);
  expect(printed.text).toMatch(/nightly .*backup --tag nightly +FAILED/);
});

test('schedule --once exits with 3 and names the entry when a run failed', async () => {
  const deps = await freshDeps();
  const folder = await mkdtemp(join(tmpdir(), 'schedule-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const config = await writeConfig(join(folder, 'stowage.yaml'), {
    root: deps.store.url,
    database: 'shop',
    segments: [{ content: 0, host: '127.0.0.1', port: 1 }],
    schedule: { entries: { hourly: { at: '0 * * * *', verify: {} } } },
  });
  // The root has no set that could be verified.
  const { code, json } = await stowage(['schedule', '--once'], { config });
  expect(code).toBe(3);
  expect(json).toMatchObject({ ran: 1, failed: ['hourly'] });
});
