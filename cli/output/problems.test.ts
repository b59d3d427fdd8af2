import { expect, test } from 'vitest';
import { problemLines } from './problems.ts';

test('the loss of a segment is printed before the failures that follow from it', () => {
  const lines = problemLines([
    { code: 'order-failed', content: -1, message: 'gang was lost (database/failed)' },
    { code: 'order-failed', content: 0, message: 'cancelled (interrupted)' },
    { code: 'segment-failed', content: 1, message: 'killed by SIGKILL (shipper/died)' },
  ]);
  expect(lines[0]).toBe('  content 1: killed by SIGKILL (segment-failed: shipper/died)');
  expect(lines).toHaveLength(3);
});
