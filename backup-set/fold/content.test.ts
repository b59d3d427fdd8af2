import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { pinnedSealPart, receiptKeysOf } from '../documents/seal.ts';
import { consistentSet } from '../testing/arbitraries.ts';
import { documentsOf } from '../testing/builders.ts';
import { foldContent } from './content.ts';
import { beginFold } from './fold.ts';

test('a content is rejected if it has more extents than a part of the manifest may have', () => {
  fc.assert(
    fc.property(consistentSet, (parts) => {
      const documents = documentsOf(parts);
      const begun = beginFold(documents);
      if (begun.kind !== 'sealed') throw new Error('it is not sealed');
      for (const planned of begun.set.plan.contents) {
        const { content } = planned;
        const sealed = pinnedSealPart(begun.set, content, documents.sealParts);
        if (!sealed.ok) throw new Error(sealed.failure.message);
        const keys = new Set(receiptKeysOf(sealed.value));
        const receipts = documents.receipts.filter(({ key }) => keys.has(key));
        const whole = foldContent(begun.set, planned, sealed, receipts);
        const extents =
          whole.part?.value.packs.flatMap((pack) => pack.extents).length ?? Number.NaN;
        expect(foldContent(begun.set, planned, sealed, receipts, extents)).toEqual(whole);
        expect(foldContent(begun.set, planned, sealed, receipts, extents - 1)).toEqual({
          content,
          problems: [expect.objectContaining({ code: 'content-too-large', content })],
        });
      }
    }),
  );
});
