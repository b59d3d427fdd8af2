import { expect, test } from 'vitest';
import { HEAD_BYTES_MAX, PLAN_BYTES_MAX } from '../../../backup-set/base/document.ts';
import { plan } from '../../../backup-set/testing/small-set.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { type Draft, sizeOf, storePlan } from './plan.ts';

const NOW = new Date('2026-01-31T12:00:00.000Z');
const { timestamp: _, ...body } = plan;
const draft: Draft = { body, work: new Map() };

test('storePlan refuses a plan too large to be read again, stores nothing, and says what to do', async () => {
  const store = {
    create: () => Promise.reject(new Error('the plan was stored')),
  } as unknown as ObjectStore;
  const stored = storePlan(store, draft, NOW, new AbortController().signal, 100);
  await expect(stored).rejects.toMatchObject({ code: 'storage/too-large' });
  await expect(stored).rejects.toThrow(
    /of \d+ relations? is too large.* 100 are allowed.*--include-schema/,
  );
});

test('the manifest of the largest plan can be read: per relation it is at most three times as long', () => {
  expect(PLAN_BYTES_MAX * 3).toBeLessThan(HEAD_BYTES_MAX);
});

test('a plan counts segments without the coordinator, and a table with two sets of columns once', () => {
  const [content] = plan.contents;
  const [relation] = plan.relations;
  if (content === undefined || relation === undefined) throw new Error('the plan is empty');
  const contents = [-1, 0, 1].map((id) => ({ ...content, content: id }));
  const relations = [relation, { ...relation, id: 1, columns: ['b', 'a'] }];
  expect(sizeOf({ contents, relations })).toEqual({ segments: 2, tables: 1 });
});
