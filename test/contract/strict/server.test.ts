import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openStore } from '../../../storage/open.ts';
import { probeStore } from '../../../storage/probe.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';

let strict: StrictS3;
beforeAll(async () => {
  strict = await startStrictS3();
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test-key');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test-secret');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await strict.stop();
});

test('the strict S3 server passes the probe of doctor', async () => {
  const store = await openStore({
    root: `${strict.root}/probe`,
    s3: { endpoint: strict.endpoint },
  });
  const { checks } = await probeStore(store);
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(strict.objects.size).toBe(0);
  await store.close();
});
