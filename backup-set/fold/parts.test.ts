import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PROBLEMS_MAX, type RawDocument } from '../base/document.ts';
import { formatKey } from '../base/keys.ts';
import type { Plan, PlannedContent, Relation } from '../documents/plan.ts';
import { consistentSet } from '../testing/arbitraries.ts';
import { documentsOf, type SetParts, sealOf } from '../testing/builders.ts';
import { fold } from '../testing/fold-whole.ts';
import { parts as partsOf, place, plan, sealedRelation } from '../testing/small-set.ts';

/** A set, and the content whose part of the seal is changed. */
const setAndContent = consistentSet.chain((parts) =>
  fc.constantFrom(...parts.plan.contents).map(({ content }) => ({ parts, content })),
);

const keyOf = (content: number, timestamp = plan.timestamp) =>
  formatKey({ kind: 'seal-part', timestamp, content });

/** The fold with changed parts of the seal. */
function foldWith(parts: SetParts, change: (sealParts: readonly RawDocument[]) => RawDocument[]) {
  const all = documentsOf(parts);
  return fold({ ...all, sealParts: change(all.sealParts) });
}

describe('a part of a seal', () => {
  test('that is missing makes the set incomplete, and the problem names content and part', () => {
    fc.assert(
      fc.property(setAndContent, ({ parts, content }) => {
        const folded = foldWith(parts, (all) => all.filter(({ key }) => key !== keyOf(content)));
        expect(folded).toMatchObject({
          status: 'incomplete',
          problemsTotal: 1,
          problems: [{ code: 'content-missing', content, object: keyOf(content) }],
        });
      }),
    );
  });

  test('with any bit flipped makes the set damaged, and the problem names the part', () => {
    fc.assert(
      fc.property(setAndContent, fc.nat(), fc.nat(7), ({ parts, content }, at, bit) => {
        const folded = foldWith(parts, (all) =>
          all.map((raw) =>
            raw.key === keyOf(content) ? { ...raw, bytes: flipped(raw.bytes, at, bit) } : raw,
          ),
        );
        expect(folded).toMatchObject({
          status: 'damaged',
          problemsTotal: 1,
          problems: [{ code: 'documents-disagree', content, object: keyOf(content) }],
        });
      }),
    );
  });

  test('of which two versions were read makes the set damaged, in any order', () => {
    fc.assert(
      fc.property(setAndContent, fc.boolean(), ({ parts, content }, first) => {
        const other = { key: keyOf(content), bytes: new TextEncoder().encode('{}') };
        const folded = foldWith(parts, (all) => (first ? [other, ...all] : [...all, other]));
        expect(folded.status).toBe('damaged');
      }),
    );
  });

  test('with the fields of another content makes the set damaged, even if it is sealed', () => {
    const several = consistentSet.filter(({ plan: { contents } }) => contents.length > 1);
    fc.assert(
      fc.property(several, (parts) => {
        const [one, two] = parts.plan.contents.map(({ content }) => content);
        const seal = sealOf(parts);
        const said = seal.contents.find(({ content }) => content === two);
        const lying = {
          ...seal,
          contents: seal.contents.map((part) => (part.content === one && said ? said : part)),
        };
        // The seal must name each content once, or the fold stops before the part.
        const all = documentsOf(parts, { seal: lying });
        const renamed = JSON.parse(new TextDecoder().decode(all.seal.bytes)) as {
          contents: { content: number }[];
        };
        renamed.contents = renamed.contents.map((part, at) => ({
          ...part,
          content: seal.contents[at]?.content ?? 0,
        }));
        const bytes = new TextEncoder().encode(JSON.stringify(renamed));
        const twice = all.sealParts.find(({ key }) => key === keyOf(two ?? 0));
        const folded = fold({
          ...all,
          seal: { ...all.seal, bytes },
          sealParts: [...all.sealParts, ...(twice ? [{ ...twice, key: keyOf(one ?? 0) }] : [])],
        });
        expect(folded).toMatchObject({
          status: 'damaged',
          problems: [
            { content: one, message: `field content of the document is ${two} instead of ${one}` },
          ],
        });
      }),
    );
  });

  test('of another set is ignored', () => {
    fc.assert(
      fc.property(setAndContent, ({ parts, content }) => {
        const moved = keyOf(content, '20260131120001');
        const folded = foldWith(parts, (all) =>
          all.map((raw) => (raw.key === keyOf(content) ? { ...raw, key: moved } : raw)),
        );
        expect(folded).toMatchObject({ status: 'incomplete', problems: [{ content }] });
      }),
    );
  });
});

describe('folding contents one by one', () => {
  /** The contents in any order, some of them twice. */
  const setAndOrder = consistentSet.chain((parts) => {
    const { contents } = parts.plan;
    return fc
      .array(fc.constantFrom(...contents), { maxLength: 5 })
      .chain((again) => {
        const all = [...contents, ...again];
        return fc.shuffledSubarray(all, { minLength: all.length });
      })
      .map((order) => ({ parts, order }));
  });

  test('gives the same manifest in any order, also with repetitions', () => {
    fc.assert(
      fc.property(setAndOrder, ({ parts, order }) => {
        const documents = documentsOf(parts);
        const [one, other] = [fold(documents), fold(documents, () => order)];
        if (one.status !== 'complete' || other.status !== 'complete') throw new Error(one.status);
        expect(other.bytes).toEqual(one.bytes);
        expect(other.parts).toEqual(one.parts);
      }),
    );
  });

  test('gives the same problems in the same order, whatever the order of the contents', () => {
    fc.assert(
      fc.property(setAndOrder, fc.nat(), ({ parts, order }, lost) => {
        const all = documentsOf(parts);
        const documents = {
          ...all,
          receipts: all.receipts.filter((_, at) => at % 2 === lost % 2),
          sealParts: all.sealParts.filter((_, at) => at !== lost % 4),
        };
        expect(fold(documents, () => order)).toEqual(fold(documents));
      }),
    );
  });

  test('does not make a set complete while a content was not folded', () => {
    fc.assert(
      fc.property(setAndContent, ({ parts, content }) => {
        const others = (contents: readonly PlannedContent[]) =>
          contents.filter((planned) => planned.content !== content);
        expect(fold(documentsOf(parts), others)).toMatchObject({
          status: 'incomplete',
          problems: [{ code: 'content-missing', content }],
        });
      }),
    );
  });

  test('gives a manifest with the digests and totals of its parts', () => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        const folded = fold(documentsOf(parts));
        if (folded.status !== 'complete') throw new Error(folded.status);
        const { manifest } = folded;
        expect(manifest.contents.map(({ content }) => content)).toEqual(
          folded.parts.map(({ content }) => content),
        );
        for (const relation of manifest.relations) {
          const counted = folded.parts.flatMap(({ relations }) =>
            relations.filter((each) => each.relation === relation.id),
          );
          const extents = folded.parts
            .flatMap(({ packs }) => packs.flatMap((pack) => pack.extents))
            .filter((each) => each.relation === relation.id);
          const sum = <T>(items: readonly T[], of: (item: T) => number) =>
            items.reduce((total, item) => total + of(item), 0);
          expect(relation.totals).toEqual({
            contents: counted.length,
            rows: sum(counted, ({ rows }) => rows),
            bytes: sum(counted, ({ bytes }) => bytes),
            storedBytes: sum(extents, ({ length }) => length),
            extents: extents.length,
          });
        }
        expect(manifest.needs).toEqual([]);
      }),
    );
  });
});

describe('a bounded list of problems', () => {
  const relations = Array.from(
    { length: 3000 },
    (_, id): Relation => ({ schema: 's', name: `t${id}`, id, kind: 'table', columns: [] }),
  );
  const contents: Plan['contents'] = Array.from({ length: 5 }, (_, content) => ({
    ...place,
    content,
    relations: [[0, relations.length - 1]],
  }));

  test('names every incomplete content, however many problems another one has', () => {
    // Content 0 lacks one relation, the others lack everything.
    const counted = relations.slice(1).map(({ id }) => sealedRelation(id, 0));
    const set = partsOf([], [], {
      plan: { ...plan, relations, contents },
      counts: new Map([[0, counted]]),
    });
    const folded = fold(documentsOf(set));
    if (folded.status !== 'incomplete') throw new Error(folded.status);
    expect(folded.problems).toHaveLength(PROBLEMS_MAX);
    expect(folded.problemsTotal).toBe(1 + 4 * relations.length);
    const named = Map.groupBy(folded.problems, ({ content }) => content);
    expect([...named.keys()]).toEqual([0, 1, 2, 3, 4]);
    expect(named.get(0)).toHaveLength(1);
    for (const content of [1, 2, 3, 4]) expect(named.get(content)?.length).toBeGreaterThan(200);
  });

  test('makes the set damaged even if the only contradiction is not in the list', () => {
    const last = relations.length - 1;
    const counted = [sealedRelation(last, 0), sealedRelation(relations.length, 0)];
    const set = partsOf([], [], {
      plan: { ...plan, relations, contents: contents.slice(0, 1) },
      counts: new Map([[0, counted]]),
    });
    const folded = fold(documentsOf(set));
    if (folded.status === 'complete') throw new Error(folded.status);
    expect(folded.problems.some(({ code }) => code === 'documents-disagree')).toBe(false);
    expect(folded.status).toBe('damaged');
  });
});

const flipped = (bytes: Uint8Array, at: number, bit: number) =>
  Uint8Array.from(bytes, (byte, index) => (index === at % bytes.length ? byte ^ (1 << bit) : byte));
