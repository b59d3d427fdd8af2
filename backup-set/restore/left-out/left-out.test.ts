import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Problem } from '../../base/verdict.ts';
import type { RestoreCounts } from '../../documents/restore/found.ts';
import type { RestoreReceipt } from '../../documents/restore/restore.ts';
import {
  allCounted,
  allDone,
  foldRestore,
  planOf,
  type RestoreCase,
  restoreCase,
  restoreReceiptDocument,
} from '../../testing/restores.ts';
import { withoutLeftOut } from './left-out.ts';

const entry = (kind: string, name: string) => ({ kind, schema: 'app', name });
const notMade: Problem = {
  code: 'object-not-made',
  message: 'ERROR:  function unaccent(text) does not exist',
  schemaObject: entry('INDEX', 'n_i'),
};
const missing = (kind: string, name: string, content = 0): Problem => ({
  code: 'schema-object-missing',
  message: `the target lacks ${kind} app.${name}`,
  content,
  schemaObject: entry(kind, name),
});

/** The receipts of a restore whose first post-data receipt left `leftOut` out. */
function receiptsWith(restore: RestoreCase, change: Partial<RestoreReceipt>) {
  const receipts = allDone(restore);
  const at = receipts.findIndex(({ phase }) => phase === 'post-data');
  return receipts.map((receipt, each) => (each === at ? { ...receipt, ...change } : receipt));
}

function foldOf(
  restore: RestoreCase,
  receipts: readonly RestoreReceipt[],
  counts?: Partial<RestoreCounts>,
) {
  const plan = { ...planOf(restore), ...(counts && { count: true, objects: true }) };
  const step = foldRestore(
    plan,
    receipts.map(restoreReceiptDocument),
    counts && { ...allCounted(plan), ...counts },
  );
  if (step.kind !== 'ended') throw new Error(`it has not ended: ${JSON.stringify(step)}`);
  return step.outcome;
}

const contentOf = (receipts: readonly RestoreReceipt[]) =>
  receipts.find(({ phase }) => phase === 'post-data')?.content ?? 0;

test('a restore whose shippers left objects out is restored, and its outcome lists them', () => {
  fc.assert(
    fc.property(restoreCase, (restore) => {
      const receipts = receiptsWith(restore, { leftOut: [notMade], leftOutTotal: 3 });
      const content = contentOf(receipts);
      expect(foldOf(restore, receipts)).toMatchObject({
        status: 'restored',
        problems: [],
        leftOut: [{ content, ...notMade }],
        leftOutTotal: 3,
      });
    }),
  );
});

test('an outcome without anything left out has no such field', () => {
  fc.assert(
    fc.property(restoreCase, (restore) => {
      expect(foldOf(restore, allDone(restore))).not.toHaveProperty('leftOut');
    }),
  );
});

test('a missing object that a shipper has left out is listed once, and another fails the restore', () => {
  fc.assert(
    fc.property(restoreCase, (restore) => {
      const receipts = receiptsWith(restore, { leftOut: [notMade], leftOutTotal: 1 });
      const content = contentOf(receipts);
      const found = (...problems: Problem[]) =>
        foldOf(restore, receipts, {
          objects: { compared: 9, missing: problems.length, notCompared: 0 },
          problems,
          problemsTotal: problems.length,
        });
      const known = missing('INDEX', 'n_i', content);
      expect(found(known)).toMatchObject({ status: 'restored', leftOutTotal: 1, problemsTotal: 0 });
      const other = missing('INDEX', 'other', content);
      expect(found(known, other)).toMatchObject({ status: 'failed', problems: [other] });
    }),
  );
});

test('a relation that a data receipt names as not loaded is not part of the loaded rows', () => {
  const withRows = restoreCase.filter((restore) =>
    allDone(restore).some(({ relations }) => relations.length > 0),
  );
  fc.assert(
    fc.property(withRows, (restore) => {
      const receipts = allDone(restore);
      const all = receipts.flatMap(({ relations }) => relations);
      const one = receipts.find(({ relations }) => relations.length > 0);
      const [lost, ...rest] = one?.relations ?? [];
      if (lost === undefined) throw new Error('no relation');
      const without = (change: Partial<RestoreReceipt>) =>
        receipts.map((receipt) => (receipt === one ? { ...receipt, ...change } : receipt));
      const rows = all.reduce((sum, relation) => sum + relation.rows, 0) - lost.rows;
      const left = without({ relations: rest, notLoaded: [lost] });
      expect(foldOf(restore, left)).toMatchObject({ status: 'restored', totals: { rows } });
      const counts = { objects: { compared: 0, missing: 0, notCompared: 0 } };
      const counted = { ...counts, rows, relations: all.length - 1 };
      expect(foldOf(restore, left, counted)).toMatchObject({ status: 'restored', counted: true });
      expect(foldOf(restore, left, counts)).toMatchObject({ status: 'failed' });
      expect(foldOf(restore, without({ relations: rest }))).toMatchObject({ status: 'failed' });
    }),
  );
});

test.each([
  ['DEFAULT', 't a', 0],
  ['NOT NULL', 't a', 0],
  ['INDEX', 't a', 1],
  ['DEFAULT', 't2 a', 1],
])('with table app.t left out, a missing %s %s leaves %i problems', (kind, name, left) => {
  const table = { ...notMade, content: 0, schemaObject: entry('TABLE', 't') };
  const found = { problems: [missing(kind, name)], problemsTotal: 1 };
  expect(withoutLeftOut(found, { problems: [table], problemsTotal: 1 }).problemsTotal).toBe(left);
});
