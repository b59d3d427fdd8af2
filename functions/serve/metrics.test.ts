import { expect, it } from 'vitest';
import { failure, success } from '../../backup-set/base/result.ts';
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

it('stowage_sweep_problems counts what the last finished sweep could not process', async () => {
  const metrics = serveMetrics(() => new Date());
  const problems = async () => /^stowage_sweep_problems (.*)$/m.exec(await metrics.text())?.[1];
  expect(await problems()).toBeUndefined();
  const failed = { set: '20260131010203', message: 'access denied' };
  const unanswered = { restore: '20260131010203000-0123abcd', message: 'no object was stored' };
  const withProblems = { ...report, problems: [failed, unanswered] };
  metrics.recordSweep({ begunMs: 0, seconds: 1, result: success(withProblems) });
  expect(await problems()).toBe('1');
  metrics.recordSweep({
    begunMs: 0,
    seconds: 1,
    result: failure(new Error('the root cannot be listed')),
  });
  expect(await problems()).toBe('1');
  metrics.recordSweep({ begunMs: 0, seconds: 1, result: success(report) });
  expect(await problems()).toBe('0');
});
