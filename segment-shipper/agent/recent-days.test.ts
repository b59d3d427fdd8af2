import { expect, it } from 'vitest';
import { setsOn } from '../../backup-set/base/keys.ts';
import { recentDays } from './recent-days.ts';

it('agents poll the sets of yesterday and today, and of tomorrow in the last hour of a day', () => {
  const daysAt = (now: string) => recentDays(new Date(now), setsOn);
  expect(daysAt('2026-03-01T12:00:00Z')).toEqual(['sets/20260228/', 'sets/20260301/']);
  expect(daysAt('2026-03-01T23:30:00Z')).toEqual([
    'sets/20260228/',
    'sets/20260301/',
    'sets/20260302/',
  ]);
});
