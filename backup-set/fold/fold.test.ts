import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, encode, type RawDocument, sha256 } from '../base/document.ts';
import { formatKey } from '../base/keys.ts';
import { Manifest, objectsOf } from '../documents/manifest.ts';
import { idsOf } from '../documents/plan.ts';
import { consistentSet } from '../testing/arbitraries.ts';
import { countingExtents, documentsOf, isCounting, type SetParts } from '../testing/builders.ts';
import { fold, type SetDocuments } from '../testing/fold-whole.ts';

function manifestOf(documents: SetDocuments) {
  const folded = fold(documents);
  if (folded.status !== 'complete') throw new Error(JSON.stringify(folded.problems, undefined, 1));
  return folded;
}

const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, next) => total + next, 0);

const setWithDuplicates = consistentSet.chain((parts) => {
  const { receipts } = documentsOf(parts);
  const copies = receipts.length === 0 ? fc.constant([]) : fc.array(fc.constantFrom(...receipts));
  return copies
    .chain((extra) =>
      fc.shuffledSubarray([...receipts, ...extra], { minLength: receipts.length + extra.length }),
    )
    .map((shuffled) => ({ parts, shuffled }));
});

describe('a consistent set', () => {
  test('is complete, even with receipts of failed attempts', () => {
    fc.assert(
      fc.property(consistentSet, (parts) => fold(documentsOf(parts)).status === 'complete'),
    );
  });

  test('has the system identifier of each content in its manifest, if the plan has it', () => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        const { contents } = manifestOf(documentsOf(parts)).manifest;
        const planned = new Map(parts.plan.contents.map((part) => [part.content, part]));
        for (const { content, systemIdentifier } of contents)
          expect(systemIdentifier).toBe(planned.get(content)?.systemIdentifier);
      }),
    );
  });

  test('has the same manifest for any order and duplication of receipts', () => {
    fc.assert(
      fc.property(setWithDuplicates, ({ parts, shuffled }) => {
        const { bytes } = manifestOf(documentsOf(parts));
        expect(manifestOf(documentsOf(parts, { receipts: shuffled })).bytes).toEqual(bytes);
      }),
    );
  });

  test('has the same manifest with and without receipts that the seal does not name', () => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        const { bytes } = manifestOf(documentsOf(parts));
        expect(manifestOf(documentsOf({ ...parts, dead: [] })).bytes).toEqual(bytes);
      }),
    );
  });

  test('has the same manifest in two folds that run at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(consistentSet, async (parts) => {
        const one = async () => manifestOf(await Promise.resolve(documentsOf(parts))).bytes;
        const [a, b] = await Promise.all([one(), one()]);
        expect(a).toEqual(b);
      }),
    );
  });

  test('has a manifest that decodes and encodes to the same bytes', () => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        const { bytes, manifest } = manifestOf(documentsOf(parts));
        const read = decode(Manifest, { key: 'manifest', bytes });
        expect(read).toEqual(manifest);
        expect(encode(Manifest, read)).toEqual(bytes);
      }),
    );
  });

  test('has every extent of the sealed attempts once, and none of a failed attempt', () => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        const wanted = parts.sealed.flatMap((receipt) =>
          countingExtents(receipt, parts.counts).map((extent) =>
            JSON.stringify([receipt.object.key, extent]),
          ),
        );
        const got = manifestOf(documentsOf(parts)).parts.flatMap(({ packs }) =>
          packs.flatMap(({ key, extents }) =>
            extents.map((extent) => JSON.stringify([key, extent])),
          ),
        );
        expect(got.toSorted()).toEqual(wanted.toSorted());
      }),
    );
  });

  test('has the right totals and the digests of plan and seal', () => {
    fc.assert(fc.property(consistentSet, totalsAreRight));
  });

  test('lists contents by number, objects by key and extents by offset', () => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        const { manifest, parts: made } = manifestOf(documentsOf(parts));
        const { contents } = manifest;
        expect(contents).toEqual(contents.toSorted((a, b) => a.content - b.content));
        for (const { packs, metadata } of made) {
          for (const list of [packs, metadata])
            expect(list.map(keyOf)).toEqual(list.map(keyOf).toSorted());
          for (const { extents } of packs)
            expect(extents).toEqual(extents.toSorted((a, b) => a.offset - b.offset));
        }
      }),
    );
  });

  test('is open without its seal, with a problem for every content', () => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        const { plan, receipts } = documentsOf(parts);
        const folded = fold({ plan, receipts });
        expect(folded.status).toBe('open');
        if (folded.status === 'open')
          expect(folded.problems.map(({ content }) => content)).toEqual(
            parts.plan.contents.map(({ content }) => content),
          );
      }),
    );
  });
});

function totalsAreRight(parts: SetParts) {
  const documents = documentsOf(parts);
  const { manifest, parts: made } = manifestOf(documents);
  const counting = parts.sealed.filter((receipt) => isCounting(receipt, parts));
  const counts = [...parts.counts.values()].flat();
  const extents = parts.sealed.flatMap((receipt) => countingExtents(receipt, parts.counts));
  expect(manifest.totals).toEqual({
    contents: parts.plan.contents.length,
    relations: parts.plan.relations.length,
    rows: sum(counts.map(({ rows }) => rows)),
    bytes: sum(extents.map(({ bytes }) => bytes)),
    storedBytes: sum(counting.map(({ object }) => object.bytes)),
    objects: counting.length,
    extents: extents.length,
  });
  expect(manifest.proof).toEqual({
    planSha256: sha256(documents.plan.bytes),
    sealSha256: sha256(documents.seal.bytes),
  });
  expect(
    made
      .flatMap((part) => [...objectsOf(part)])
      .map(keyOf)
      .toSorted(),
  ).toEqual(counting.map(({ object }) => object.key).toSorted());
  expect(sum(manifest.contents.map(({ totals }) => totals.relations))).toBe(
    sum(parts.plan.contents.map(({ relations }) => [...idsOf(relations)].length)),
  );
}

const keyOf = ({ key }: { key: string }) => key;

describe('a set with a missing document', () => {
  const setAndCounting = consistentSet
    .filter((parts) => parts.sealed.length > 0)
    .chain((parts) =>
      fc.record({ parts: fc.constant(parts), lost: fc.constantFrom(...parts.sealed) }),
    );

  test('is incomplete, and the problem names content, object and, for packs, a relation', () => {
    fc.assert(
      fc.property(setAndCounting, ({ parts, lost }) => {
        const key = formatKey({ ...lost, kind: 'receipt' });
        const all = documentsOf(parts);
        const folded = fold({
          ...all,
          receipts: all.receipts.filter((receipt) => receipt.key !== key),
        });
        if (folded.status !== 'incomplete') throw new Error(folded.status);
        const { content } = lost;
        expect(folded.problems).toContainEqual(
          expect.objectContaining({ code: 'receipt-missing', content, object: key }),
        );
        const [extent] = countingExtents(lost, parts.counts);
        if (extent === undefined) return;
        const named = parts.plan.relations[extent.relation];
        const relation = { schema: named?.schema, name: named?.name };
        expect(folded.problems).toContainEqual(
          expect.objectContaining({ code: 'relation-incomplete', content, relation, object: key }),
        );
      }),
    );
  });

  test('is not complete with the receipts of another set', () => {
    fc.assert(
      fc.property(setAndCounting, ({ parts }) => {
        const moved = ({ key, bytes }: RawDocument) => ({
          key: key.replaceAll('20260131', '20260201'),
          bytes,
        });
        const all = documentsOf(parts);
        expect(fold({ ...all, receipts: all.receipts.map(moved) }).status).toBe('incomplete');
      }),
    );
  });
});
