import { expect, it } from 'vitest';
import type { SweepReport } from '../sweep/report.ts';
import { serveMetrics } from './metrics.ts';

const report: SweepReport = {
  sets: 2,
  statuses: { open: 0, complete: 1, incomplete: 0, damaged: 0 },
  committed: [],
  validated: [],
  overdue: [],
  uploadsAborted: 0,
  problems: [],
};

it('tells of what a sweep could not deal with, until another one could', async () => {
  const metrics = serveMetrics(() => new Date());
  const problems = async () => /^stowage_sweep_problems (.*)$/m.exec(await metrics.text())?.[1];
  expect(await problems()).toBeUndefined();
  const failed = { set: '20260131010203', message: 'access denied' };
  const unanswered = { restore: '20260131010203000-0123abcd', message: 'nothing has arrived' };
  metrics.swept({ seconds: 1, report: { ...report, problems: [failed, unanswered] } });
  expect(await problems()).toBe('1');
  metrics.swept({ seconds: 1, error: new Error('the root could not be listed') });
  expect(await problems()).toBe('1');
  metrics.swept({ seconds: 1, report });
  expect(await problems()).toBe('0');
});
