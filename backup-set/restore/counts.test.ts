import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encode } from '../base/document.ts';
import type { RestoreCounts } from '../documents/restore/found.ts';
import { Outcome } from '../documents/restore/restore.ts';
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

describe('a restore whose request asks for schema objects', () => {
  const objects = { compared: 3, missing: 0, notCompared: 0 };
  const objectsCase = restoreCase.map((restore) => ({
    ...restore,
    request: { ...restore.request, objects: true },
  }));

  test('waits for counts.json and is restored by compared objects alone, not called counted', () => {
    fc.assert(
      fc.property(objectsCase, (restore) => {
        expect(stepWith(restore)).toEqual({ kind: 'counting' });
        expect(outcomeWith(restore, { relations: 0, rows: 0, objects })).toMatchObject({
          status: 'restored',
          counted: false,
          objects,
        });
      }),
    );
  });

  test('is failed by counts that name no compared objects, or missing ones without a problem', () => {
    fc.assert(
      fc.property(objectsCase, (restore) => {
        for (const without of [{}, { objects: { ...objects, missing: 1 } }])
          expect(outcomeWith(restore, without)).toMatchObject({
            status: 'failed',
            problems: [{ code: 'objects-failed' }],
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
