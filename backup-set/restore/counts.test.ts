import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encode } from '../base/document.ts';
import { Outcome, type RestoreCounts } from '../documents/restore.ts';
import {
  allCounted,
  allDone,
  foldRestore,
  planOf,
  type RestoreCase,
  restoreCase,
  restoreReceiptDocument,
} from '../testing/restores.ts';
import type { RestoreStep } from './fold.ts';

const countedCase = restoreCase.map((restore) => ({
  ...restore,
  request: { ...restore.request, count: true },
}));

/** The state of a restore whose orders were all carried out. */
function stepWith(restore: RestoreCase, counts?: Partial<RestoreCounts>): RestoreStep {
  const plan = planOf(restore);
  const receipts = allDone(restore).map(restoreReceiptDocument);
  return foldRestore(plan, receipts, counts && { ...allCounted(plan), ...counts });
}

function outcomeWith(restore: RestoreCase, counts: Partial<RestoreCounts>): Outcome {
  const step = stepWith(restore, counts);
  if (step.kind !== 'ended') throw new Error(`it has not ended: ${JSON.stringify(step)}`);
  expect(() => encode(Outcome, step.outcome)).not.toThrow();
  return step.outcome;
}

describe('a restore whose request asks for counts', () => {
  test('has no outcome before they are stored, although every order was carried out', () => {
    fc.assert(
      fc.property(countedCase, (restore) => {
        expect(stepWith(restore)).toEqual({ kind: 'counting' });
      }),
    );
  });

  test('is restored and counted if they are those of the plan', () => {
    fc.assert(
      fc.property(countedCase, (restore) => {
        expect(outcomeWith(restore, {})).toMatchObject({
          status: 'restored',
          counted: true,
          problemsTotal: 0,
        });
      }),
    );
  });

  test('is failed with their problems, if they have any', () => {
    const problem = {
      code: 'count-differs' as const,
      content: 0,
      relation: { schema: 's', name: 't' },
      message: 'holds 1 row',
    };
    fc.assert(
      fc.property(countedCase, (restore) => {
        expect(outcomeWith(restore, { problems: [problem], problemsTotal: 5_000 })).toMatchObject({
          status: 'failed',
          problems: [problem],
          problemsTotal: 5_000,
        });
      }),
    );
  });

  test('is failed if they are of fewer relations or rows than the plan, or of another restore', () => {
    fc.assert(
      fc.property(countedCase, (restore) => {
        const { rows, relations } = allCounted(planOf(restore));
        for (const [changes, code] of [
          [{ rows: rows + 1 }, 'count-differs'],
          [{ relations: relations + 1 }, 'count-differs'],
          [{ id: '20260201120000123-ffffffff' }, 'documents-disagree'],
        ] as const)
          expect(outcomeWith(restore, changes)).toMatchObject({
            status: 'failed',
            problems: [{ code }],
          });
      }),
    );
  });

  test('is failed by a failed order, whatever they say', () => {
    fc.assert(
      fc.property(countedCase, (restore) => {
        const plan = planOf(restore);
        const receipts = allDone(restore).map((receipt, at, all) =>
          at === all.length - 1 ? { ...receipt, status: 'failed' as const } : receipt,
        );
        const step = foldRestore(plan, receipts.map(restoreReceiptDocument), allCounted(plan));
        expect(step).toMatchObject({
          kind: 'ended',
          outcome: { status: 'failed', counted: false },
        });
      }),
    );
  });
});

test('a restore whose request asks for no counts is restored without them, and not called counted', () => {
  fc.assert(
    fc.property(restoreCase, (restore) => {
      expect(stepWith(restore)).toMatchObject({
        kind: 'ended',
        outcome: { status: 'restored', counted: false },
      });
    }),
  );
});
