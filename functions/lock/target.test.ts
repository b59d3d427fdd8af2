import { describe, expect, it } from 'vitest';
import { lockTarget } from './target.ts';

const at = new Date('2026-01-31T01:02:03.456Z');

describe('the time until which a set stays locked', () => {
  it('is the time of its manifest and the default retention of the bucket', () => {
    expect(lockTarget(at, { mode: 'COMPLIANCE', days: 30 })).toEqual({
      mode: 'COMPLIANCE',
      until: new Date('2026-03-02T01:02:03.456Z'),
    });
  });

  it('is counted in retention.lockDays when they are configured', () => {
    expect(lockTarget(at, { mode: 'GOVERNANCE', days: 1 }, 10)).toEqual({
      mode: 'GOVERNANCE',
      until: new Date('2026-02-10T01:02:03.456Z'),
    });
  });

  it.each([
    ['without Object Lock', undefined],
    ['with Object Lock and without a default', {}],
    ['with a mode that this version does not know', { mode: undefined, days: 3 }],
  ])('is undefined in a bucket %s', (_, bucket) => {
    expect(lockTarget(at, bucket, 10)).toBeUndefined();
  });
});
