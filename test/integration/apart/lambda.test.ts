import { writeFile } from 'node:fs/promises';
import type { Context } from 'aws-lambda';
import { afterEach, expect, test, vi } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { timestampOf } from '../../../backup-set/base/timestamps.ts';
import { verdictKeys } from '../../../functions/stored/load.ts';
import { fileOf, freshDeps, keysOf } from '../functions/place.ts';
import { backUp } from '../retention/world.ts';
import { MIDDLE, NEWEST, OLDEST, SETS } from './world.ts';

const context = { getRemainingTimeInMillis: () => 60_000, awsRequestId: 'r' } as Context;

afterEach(() => vi.unstubAllEnvs());

test('the function expire removes the other sets, keeps what may be needed, and fails at its end', async () => {
  const deps = await freshDeps();
  for (const timestamp of SETS) await backUp(deps, timestamp);
  const [verdict = ''] = await verdictKeys(deps, NEWEST);
  await writeFile(fileOf(deps.store, verdict), 'not JSON');
  vi.stubEnv('STOWAGE_ROOT', deps.store.url);
  vi.stubEnv('STOWAGE_LOG_LEVEL', 'silent');
  vi.stubEnv('STOWAGE_RETENTION', '{"keepLast":1,"graceHours":0}');
  vi.resetModules();
  const { handler } = await import('../../../functions/lambda/expire.ts');
  await expect(handler({}, context)).rejects.toMatchObject({
    message: expect.stringContaining(`1 problem, first: set ${NEWEST}: ${verdict}`),
  });
  const manifests = (await keysOf(deps.store, 'sets/')).filter((key) =>
    key.endsWith('/manifest.json'),
  );
  expect(manifests).toEqual(
    [MIDDLE, NEWEST].map((one) => formatKey({ kind: 'manifest', timestamp: one })),
  );
  expect(manifests.join()).not.toContain(OLDEST);
});

test('the function expire fails at its end when a plan that it cannot read keeps other sets', async () => {
  const deps = await freshDeps();
  for (const timestamp of [MIDDLE, NEWEST]) await backUp(deps, timestamp);
  const running = timestampOf(new Date());
  await backUp(deps, running);
  const [manifest, plan] = (['manifest', 'plan'] as const).map((kind) =>
    formatKey({ kind, timestamp: running }),
  );
  await deps.store.delete([manifest ?? '']);
  await writeFile(fileOf(deps.store, plan ?? ''), 'not JSON');
  vi.stubEnv('STOWAGE_ROOT', deps.store.url);
  vi.stubEnv('STOWAGE_LOG_LEVEL', 'silent');
  vi.stubEnv('STOWAGE_RETENTION', '{"keepLast":1,"graceHours":0}');
  vi.resetModules();
  const { handler } = await import('../../../functions/lambda/expire.ts');
  await expect(handler({}, context)).rejects.toMatchObject({
    message: expect.stringContaining(plan ?? ''),
  });
  const manifests = (await keysOf(deps.store, 'sets/')).filter((key) =>
    key.endsWith('/manifest.json'),
  );
  expect(manifests).toHaveLength(2);
});
