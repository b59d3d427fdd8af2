import { expect, test } from 'vitest';
import { noProgress, showUnderWay } from '../deps.ts';
import { progressReport } from './reports.ts';

test('a progress report names the relation that began first of those under way, and none at the end', () => {
  const progress = noProgress();
  const named = () => (progressReport(progress) as { relation?: string }).relation;
  const large = showUnderWay(progress, 'public.large');
  const small = showUnderWay(progress, 'public.small');
  expect(named()).toBe('public.large');
  small[Symbol.dispose]();
  expect(named()).toBe('public.large');
  const next = showUnderWay(progress, 'public.next');
  large[Symbol.dispose]();
  expect(named()).toBe('public.next');
  next[Symbol.dispose]();
  expect(progressReport(progress)).not.toHaveProperty('relation');
});
