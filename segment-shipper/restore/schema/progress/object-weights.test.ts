import { expect, test } from 'vitest';
import type { TocEntry } from '../../../../database/objects/toc.ts';
import { objectLines } from '../../../../database/tools/restore-lines.ts';
import { objectWeights } from './object-weights.ts';

const PAGE = 8192;
const entry = (id: number, kind: string, name: string, dependsOn: number[] = []): TocEntry => ({
  ...{ id, kind, schema: 'public', name, dependsOn, section: 'post-data' },
  ...{ owner: 'o', tablespace: '', accessMethod: '', definition: () => '' },
});

async function weighed() {
  const weights = objectWeights();
  weights.take(entry(1, 'TABLE', 'big'), false);
  weights.take(entry(2, 'TABLE', 'small'), false);
  weights.take(entry(11, 'INDEX', 'big_i', [1]), true);
  weights.take(entry(12, 'CONSTRAINT', 'small small_pkey', [2]), true);
  weights.take(entry(13, 'FK CONSTRAINT', 'small small_fk', [1, 12, 2]), true);
  weights.take(entry(14, 'TRIGGER', 'big t', [1]), true);
  weights.take(entry(15, 'INDEX', 'not_made', [1]), false);
  const sizes = new Map([
    ['"public"."big"', 1_000_000],
    ['"public"."small"', 1_000],
  ]);
  const bytes = await weights.weigh(() => Promise.resolve(sizes));
  if (bytes === undefined) throw new Error('not weighed');
  const seen: number[] = [];
  const take = objectLines((made) => seen.push(bytes.made(made)));
  return { bytes, seen, say: (line: string) => take(`pg_restore: ${line}\n`) };
}

test('an index weighs what its table has, a foreign key what both have, and a trigger a page', async () => {
  const { bytes } = await weighed();
  expect(bytes.planned).toBe(4 * PAGE + 1_000_000 + 1_000 + 1_001_000);
});

test('an object counts with its bytes when the next begins', async () => {
  const { seen, say } = await weighed();
  say('creating CONSTRAINT "public.small small_pkey"');
  say('creating INDEX "public.big_i"');
  say('creating TRIGGER "public.big t"');
  expect(seen).toEqual([0, PAGE + 1_000, 2 * PAGE + 1_001_000]);
});

test('of several connections the objects that are still made do not count', async () => {
  const { seen, say } = await weighed();
  say('launching item 11 INDEX big_i');
  say('launching item 12 CONSTRAINT small small_pkey');
  say('creating INDEX "public.big_i"');
  say('creating CONSTRAINT "public.small small_pkey"');
  say('finished item 12 CONSTRAINT small small_pkey');
  say('launching item 14 TRIGGER big t');
  say('creating TRIGGER "public.big t"');
  expect(seen).toEqual([0, 0, PAGE + 1_000]);
});

test('without sizes nothing is weighed', async () => {
  const weights = objectWeights();
  weights.take(entry(11, 'INDEX', 'i'), true);
  expect(await weights.weigh(() => Promise.resolve(new Map()))).toBeUndefined();
});
