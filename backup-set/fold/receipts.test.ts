import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RawDocument } from '../base/document.ts';
import type { Receipt } from '../documents/receipt.ts';
import { consistentSet } from '../testing/arbitraries.ts';
import {
  countingExtents,
  documentsOf,
  receiptDocument,
  type SetParts,
} from '../testing/builders.ts';
import { type WholeFolded as Folded, fold } from '../testing/fold-whole.ts';

const setAndOne = consistentSet
  .filter(({ sealed }) => sealed.length > 0)
  .chain((parts) =>
    fc.record({ parts: fc.constant(parts), one: fc.constantFrom(...parts.sealed) }),
  );

function problemsOf(folded: Folded, status: 'incomplete' | 'damaged') {
  expect(folded.status).toBe(status);
  return folded.status === 'complete' ? [] : folded.problems;
}

/** The documents of the set, with the bytes of one receipt replaced. */
function foldWith(parts: SetParts, key: string, bytes: Uint8Array): Folded {
  const all = documentsOf(parts);
  const receipts = all.receipts.map((receipt) => (receipt.key === key ? { key, bytes } : receipt));
  return fold({ ...all, receipts });
}

function expectNamed(folded: Folded, parts: SetParts, one: Receipt, key: string, suspects = [key]) {
  const problems = problemsOf(folded, 'damaged');
  const { content } = one;
  expect(problems).toContainEqual(
    expect.objectContaining({ code: 'receipt-altered', content, object: key }),
  );
  for (const { relation: id } of countingExtents(one, parts.words)) {
    const named = parts.plan.relations[id];
    const relation = { schema: named?.schema, name: named?.name };
    const short = problems.find(
      (problem) =>
        problem.content === content &&
        problem.relation?.schema === relation.schema &&
        problem.relation?.name === relation.name,
    );
    expect(short).toMatchObject({ content, relation });
    expect(suspects).toContain(short?.object);
  }
}

describe('a set is damaged, and the problem names the receipt,', () => {
  test('when any bit of a receipt is flipped', () => {
    fc.assert(
      fc.property(setAndOne, fc.nat(), fc.nat(7), ({ parts, one }, at, bit) => {
        const { key, bytes } = receiptDocument(one);
        const flipped = Uint8Array.from(bytes, (byte, index) =>
          index === at % bytes.length ? byte ^ (1 << bit) : byte,
        );
        expectNamed(foldWith(parts, key, flipped), parts, one, key);
      }),
    );
  });

  test('when a number in a receipt is changed', () => {
    const fields = ['attempt', 'worker', 'sequence'] as const;
    fc.assert(
      fc.property(setAndOne, fc.constantFrom(...fields), ({ parts, one }, field) => {
        const { key } = receiptDocument(one);
        const { bytes } = receiptDocument({ ...one, [field]: one[field] + 1 });
        expectNamed(foldWith(parts, key, bytes), parts, one, key);
      }),
    );
  });

  test('when two receipts are swapped', () => {
    fc.assert(
      fc.property(setAndOne, ({ parts, one }) => {
        const other = parts.sealed.find((receipt) => receipt !== one);
        fc.pre(other !== undefined);
        const { key } = receiptDocument(one);
        const all = documentsOf(parts);
        const [a, b] = [receiptDocument(one), receiptDocument(other ?? one)];
        const swap = (raw: RawDocument) =>
          raw.key === a.key ? { ...b, key: a.key } : raw.key === b.key ? { ...a, key: b.key } : raw;
        expectNamed(fold({ ...all, receipts: all.receipts.map(swap) }), parts, one, key, [
          a.key,
          b.key,
        ]);
      }),
    );
  });

  test('when two versions of a receipt were read, in any order', () => {
    fc.assert(
      fc.property(setAndOne, fc.boolean(), ({ parts, one }, first) => {
        const all = documentsOf(parts);
        const { key } = receiptDocument(one);
        const bytes = new TextEncoder().encode('{}');
        const receipts = first
          ? [{ key, bytes }, ...all.receipts]
          : [...all.receipts, { key, bytes }];
        expectNamed(fold({ ...all, receipts }), parts, one, key);
      }),
    );
  });
});
