import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encode, PROBLEMS_MAX } from '../base/document.ts';
import type { Problem } from '../base/verdict.ts';
import { Outcome, type RestoreReceipt } from '../documents/restore/restore.ts';
import {
  allDone,
  foldRestore,
  planOf,
  type RestoreCase,
  restoreCase,
  restoreReceiptDocument,
} from '../testing/restores.ts';
import { refusedOutcome } from './fold.ts';

const foldOf = (restore: RestoreCase, receipts: readonly RestoreReceipt[]) =>
  foldRestore(planOf(restore), receipts.map(restoreReceiptDocument));

function outcomeOf(restore: RestoreCase, receipts: readonly RestoreReceipt[]): Outcome {
  const step = foldOf(restore, receipts);
  if (step.kind !== 'ended') throw new Error(`it has not ended: ${JSON.stringify(step)}`);
  expect(() => encode(Outcome, step.outcome)).not.toThrow();
  return step.outcome;
}

/** A restore, all its receipts, and one of them. */
const caseAndOne = restoreCase.chain((restore) => {
  const receipts = allDone(restore);
  return fc.record({
    restore: fc.constant(restore),
    receipts: fc.constant(receipts),
    one: fc.constantFrom(...receipts),
  });
});

/** A restore, and one receipt of a data order that loaded relations. */
const caseAndLoad = caseAndOne.filter(
  ({ one }) => one.phase === 'data' && one.relations.length > 0,
);

const replaced = (
  receipts: readonly RestoreReceipt[],
  one: RestoreReceipt,
  change: Partial<RestoreReceipt>,
) => receipts.map((receipt) => (receipt === one ? { ...receipt, ...change } : receipt));

describe('a restore', () => {
  test('is restored, with the rows of its plan, if all orders were carried out', () => {
    fc.assert(
      fc.property(restoreCase, (restore) => {
        const { totals } = planOf(restore);
        expect(outcomeOf(restore, allDone(restore))).toMatchObject({
          status: 'restored',
          problems: [],
          totals: { contents: totals.contents, rows: totals.rows },
        });
      }),
    );
  });

  test('takes the same step for any order and duplication of receipts', () => {
    const shuffled = caseAndOne.chain(({ restore, receipts, one }) => {
      const some = receipts.slice(0, receipts.indexOf(one));
      const all = [...some, ...some];
      return fc
        .shuffledSubarray(all, { minLength: all.length })
        .map((mixed) => ({ restore, some, mixed }));
    });
    fc.assert(
      fc.property(shuffled, ({ restore, some, mixed }) => {
        expect(foldOf(restore, mixed)).toEqual(foldOf(restore, some));
      }),
    );
  });

  test('advances one phase at a time, and names the contents that it waits for', () => {
    fc.assert(
      fc.property(caseAndOne, ({ restore, receipts, one }) => {
        const without = receipts.filter((receipt) => receipt !== one);
        expect(foldOf(restore, without)).toEqual({
          kind: 'awaiting',
          phase: one.phase,
          contents: [one.content],
        });
        const { phases, contents } = planOf(restore);
        const before = receipts.filter(
          ({ phase }) => phases.indexOf(phase) < phases.indexOf(one.phase),
        );
        expect(foldOf(restore, before)).toEqual({
          kind: 'awaiting',
          phase: one.phase,
          contents: contents.map(({ content }) => content),
        });
      }),
    );
  });
});

describe('a restore is not restored', () => {
  const failure = fc.constantFrom<Partial<RestoreReceipt>>(
    { status: 'failed' },
    { status: 'failed', problemsTotal: 1, problems: [{ code: 'order-failed', message: 'no' }] },
    { problemsTotal: 1, problems: [{ code: 'order-failed', message: 'no' }] },
    { problemsTotal: 7 },
  );

  test('if one segment fails in any phase: it is refused before DDL, else failed', () => {
    fc.assert(
      fc.property(caseAndOne, failure, ({ restore, receipts, one }, change) => {
        const outcome = outcomeOf(restore, replaced(receipts, one, change));
        expect(outcome.status).toBe(one.phase === 'verify' ? 'refused' : 'failed');
        expect(outcome.problems).toEqual([expect.objectContaining({ content: one.content })]);
        expect(outcome.problemsTotal).toBe(Math.max(1, change.problemsTotal ?? 0));
      }),
    );
  });

  test('if a phase fails, and it ends only after all receipts of the phase', () => {
    fc.assert(
      fc.property(
        caseAndOne.filter(({ restore }) => restore.manifest.contents.length > 1),
        ({ restore, receipts, one }) => {
          const failed = replaced(receipts, one, { status: 'failed' });
          const silent = failed.find(
            ({ phase, content }) => phase === one.phase && content !== one.content,
          );
          const step = foldOf(
            restore,
            failed.filter((receipt) => receipt !== silent),
          );
          expect(step).toEqual({
            kind: 'awaiting',
            phase: one.phase,
            contents: [silent?.content],
          });
        },
      ),
    );
  });

  test('if a receipt is unreadable or of another content, or two versions were read', () => {
    const wrong = fc.constantFrom('garbage', 'other', 'both');
    fc.assert(
      fc.property(caseAndOne, wrong, ({ restore, receipts, one }, how) => {
        const { key } = restoreReceiptDocument(one);
        const { bytes } = restoreReceiptDocument({ ...one, content: one.content + 1 });
        const garbage = { key, bytes: new Uint8Array() };
        const documents = receipts.map(restoreReceiptDocument);
        const others = documents.filter((document) => document.key !== key);
        const given = {
          garbage: [...others, garbage],
          other: [...others, { key, bytes }],
          both: [...documents, garbage],
        }[how];
        const step = foldRestore(planOf(restore), given ?? []);
        expect(step).toMatchObject({
          outcome: { problems: [{ content: one.content, object: key }] },
        });
        expect(step).not.toMatchObject({ outcome: { status: 'restored' } });
        expect(foldRestore(planOf(restore), (given ?? []).toReversed())).toEqual(step);
      }),
    );
  });

  test('if a segment loaded a row too few or too many, or a relation never or twice', () => {
    const change = fc.constantFrom('short', 'more', 'left out', 'twice');
    fc.assert(
      fc.property(caseAndLoad, change, ({ restore, receipts, one }, how) => {
        const [first, ...rest] = one.relations;
        if (first === undefined) throw new Error('nothing was loaded');
        fc.pre(how !== 'short' || first.rows > 0);
        const relations = {
          short: [{ ...first, rows: first.rows - 1 }, ...rest],
          more: [{ ...first, rows: first.rows + 1 }, ...rest],
          'left out': rest,
          twice: [first, { ...first, rows: 0 }, ...rest],
        }[how];
        const outcome = outcomeOf(restore, replaced(receipts, one, { relations: relations ?? [] }));
        expect(outcome.status).toBe('failed');
        expect(outcome.problems).toEqual([
          expect.objectContaining({ code: 'order-failed', content: one.content }),
        ]);
      }),
    );
  });
});

describe('an outcome', () => {
  test('has the same bytes for any order of receipts', () => {
    fc.assert(
      fc.property(caseAndOne, fc.boolean(), ({ restore, receipts, one }, fails) => {
        const given = fails ? replaced(receipts, one, { status: 'failed' }) : receipts;
        const a = encode(Outcome, outcomeOf(restore, given));
        expect(encode(Outcome, outcomeOf(restore, given.toReversed()))).toEqual(a);
      }),
    );
  });

  test('counts all problems and lists at most PROBLEMS_MAX', () => {
    const problems = Array.from(
      { length: PROBLEMS_MAX },
      (): Problem => ({ code: 'order-failed', message: 'no' }),
    );
    fc.assert(
      fc.property(caseAndOne, ({ restore, receipts, one }) => {
        const failed = { status: 'failed' as const, problemsTotal: 5000, problems };
        const phase = receipts.map((receipt) =>
          receipt.phase === one.phase ? { ...receipt, ...failed } : receipt,
        );
        const outcome = outcomeOf(restore, phase);
        expect(outcome.problems).toHaveLength(PROBLEMS_MAX);
        expect(outcome.problemsTotal).toBe(5000 * restore.manifest.contents.length);
      }),
      { numRuns: 20 },
    );
  });

  test('of a rejected request is refused, with no rows', () => {
    const problems: Problem[] = [{ code: 'request-impossible', message: 'no' }];
    const outcome = refusedOutcome(
      { id: '20260201120000123-0123abcd', timestamp: '20260131120000' },
      problems,
    );
    expect(outcome).toMatchObject({
      status: 'refused',
      problems,
      problemsTotal: 1,
      totals: { rows: 0 },
    });
    expect(() => encode(Outcome, outcome)).not.toThrow();
  });
});
