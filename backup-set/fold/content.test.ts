import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { consistentSet } from '../testing/arbitraries.ts';
import { documentsOf } from '../testing/builders.ts';
import { foldContent } from './content.ts';
import { beginFold } from './fold.ts';
import { receiptKeysIn, sealPartIn } from './seal-part.ts';

test('a content with more extents than its part of the manifest can hold has none, and is named; one with as many has its part', () => {
  fc.assert(
    fc.property(consistentSet, (parts) => {
      const documents = documentsOf(parts);
      const begun = beginFold(documents);
      if (!('sealed' in begun)) throw new Error('it is not sealed');
      for (const planned of begun.sealed.plan.contents) {
        const { content } = planned;
        const sealed = sealPartIn(begun.sealed, content, documents.sealParts);
        if ('code' in sealed) throw new Error(sealed.message);
        const keys = new Set(receiptKeysIn(sealed));
        const receipts = documents.receipts.filter(({ key }) => keys.has(key));
        const whole = foldContent(begun.sealed, planned, sealed, receipts);
        const extents =
          whole.part?.value.packs.flatMap((pack) => pack.extents).length ?? Number.NaN;
        expect(foldContent(begun.sealed, planned, sealed, receipts, extents)).toEqual(whole);
        expect(foldContent(begun.sealed, planned, sealed, receipts, extents - 1)).toEqual({
          content,
          problems: [expect.objectContaining({ code: 'content-too-large', content })],
        });
      }
    }),
  );
});
