import { expect, test } from 'vitest';
import { HEAD_BYTES_MAX, PLAN_BYTES_MAX } from '../../backup-set/base/document.ts';
import { plan } from '../../backup-set/testing/small-set.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { type Draft, storePlan } from './plan.ts';

const NOW = new Date('2026-01-31T12:00:00.000Z');
const { timestamp: _, ...body } = plan;
const draft: Draft = { body, work: new Map() };

test('a plan that nobody would read again is refused before anything is stored, with what to do instead', async () => {
  const store = {
    create: () => Promise.reject(new Error('stored all the same')),
  } as unknown as ObjectStore;
  const stored = storePlan(store, draft, NOW, new AbortController().signal, 100);
  await expect(stored).rejects.toMatchObject({ code: 'storage/too-large' });
  await expect(stored).rejects.toThrow(/of \d+ relations.* 100 are the most.*--include-schema/);
});

test('the manifest of the largest plan can be read: it says at most three times as much of a relation', () => {
  expect(PLAN_BYTES_MAX * 3).toBeLessThan(HEAD_BYTES_MAX);
});
