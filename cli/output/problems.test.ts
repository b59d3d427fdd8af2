import { expect, test } from 'vitest';
import { causedBy } from '../../backup-set/base/verdict.ts';
import { problemLines } from './problems.ts';

const failed = (message: string, code: string) => causedBy({ code, message });

test('the loss of a segment is printed before the failures that follow from it', () => {
  const lines = problemLines([
    { code: 'order-failed', content: -1, ...failed('gang was lost', 'database/failed') },
    { code: 'order-failed', content: 0, ...failed('cancelled', 'interrupted') },
    { code: 'segment-failed', content: 1, ...failed('killed by SIGKILL', 'shipper/died') },
  ]);
  expect(lines[0]).toBe('  content 1: killed by SIGKILL (segment-failed: shipper/died)');
  expect(lines).toHaveLength(3);
});

test('a problem that only quotes the code of a loss is not taken for one', () => {
  const quoting = failed('table "x (shipper/died)" is locked', 'database/locked');
  const lines = problemLines([
    { code: 'order-failed', content: 0, ...failed('cancelled', 'interrupted') },
    { code: 'order-failed', content: 1, ...quoting },
  ]);
  expect(lines[0]).toBe('  content 0: cancelled (order-failed: interrupted)');
});
