import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatKey } from '../base/keys.ts';
import type { Plan } from '../documents/plan.ts';
import { consistentSet } from '../testing/arbitraries.ts';
import { documentsOf, sealOf } from '../testing/builders.ts';
import { fold } from '../testing/fold-whole.ts';

describe('a set is not complete with an altered plan', () => {
  const inFirst = (plan: Plan, change: (content: Plan['contents'][number]) => object): Plan => ({
    ...plan,
    contents: plan.contents.map((content, at) =>
      at === 0 ? { ...content, ...change(content) } : content,
    ),
  });
  const changes: Record<string, (plan: Plan) => Plan> = {
    'its timestamp is of another set': (plan) => ({ ...plan, timestamp: '20260131120001' }),
    'a content is renumbered': (plan) => inFirst(plan, () => ({ content: 99 })),
    'a content is listed twice': (plan) => ({
      ...plan,
      contents: [...plan.contents, ...plan.contents],
    }),
    'a content is added': (plan) => ({
      ...plan,
      contents: [
        ...plan.contents,
        ...plan.contents.slice(0, 1).map((first) => ({ ...first, content: 99 })),
      ],
    }),
    'a range ends outside the relations': (plan) =>
      inFirst(plan, () => ({ relations: [[0, plan.relations.length]] })),
    'a range ends at 2^53': (plan) =>
      inFirst(plan, () => ({ relations: [[0, Number.MAX_SAFE_INTEGER]] })),
    'a range is listed twice': (plan) =>
      inFirst(plan, ({ relations }) => ({ relations: [...relations, [0, 0], [0, 0]] })),
    'a range is reversed': (plan) =>
      inFirst(plan, ({ relations }) => ({ relations: [...relations, [1, 0]] })),
    'a relation is assigned to no content': (plan) => ({
      ...plan,
      relations: [
        ...plan.relations,
        { id: plan.relations.length, schema: 's', name: 'n', kind: 'table', columns: [] },
      ],
    }),
    'an id is listed twice': (plan) => ({
      ...plan,
      relations: [...plan.relations, ...plan.relations],
    }),
    'ids are shifted': (plan) => ({
      ...plan,
      relations: plan.relations.map((relation) => ({ ...relation, id: relation.id + 1 })),
    }),
    'relations are dropped': (plan) => ({ ...plan, relations: [] }),
    'a metadata file is added or removed': (plan) =>
      inFirst(plan, ({ metadata }) => ({
        metadata: metadata.length > 0 ? metadata.slice(1) : ['schema.dump'],
      })),
    'a metadata file is listed twice': (plan) =>
      inFirst(plan, () => ({ metadata: ['schema.dump', 'schema.dump'] })),
  };
  test.each(Object.entries(changes))('when %s', (_, change) => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        const folded = fold(documentsOf(parts, { plan: change(parts.plan), seal: sealOf(parts) }));
        expect(folded.status).not.toBe('complete');
      }),
    );
  });

  test('when only one of feature, plan and seal says that it is encrypted', () => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        const { plan } = parts;
        const { features: _, encryption, ...plain } = plan;
        const of = (changed: Plan) =>
          fold(
            documentsOf({ ...parts, plan: changed }, { seal: sealOf({ ...parts, plan: changed }) }),
          );
        expect(
          of({ ...plain, ...(encryption ? { encryption } : { features: ['encrypted'] }) }),
        ).toMatchObject({
          status: 'damaged',
          problems: [
            { message: 'the plan has only one of encryption and the feature "encrypted"' },
          ],
        });
        const { mac: __, ...seal } = sealOf(parts);
        const other = encryption ? seal : { ...seal, mac: '0'.repeat(64) };
        expect(fold(documentsOf(parts, { seal: other }))).toMatchObject({
          status: 'damaged',
          problems: [{ message: 'only one of plan and seal says that the set is encrypted' }],
        });
      }),
    );
  });

  test('when a content is removed whose receipts are still sealed', () => {
    fc.assert(
      fc.property(
        consistentSet.filter(({ plan }) => plan.contents.length > 1),
        (parts) => {
          const contents = parts.plan.contents.slice(1);
          const folded = fold(
            documentsOf(parts, { plan: { ...parts.plan, contents }, seal: sealOf(parts) }),
          );
          expect(folded.status).toBe('damaged');
        },
      ),
    );
  });

  test('when its flavour is unknown to this version, and the problem says which it is', () => {
    fc.assert(
      fc.property(consistentSet, ({ plan, ...parts }) => {
        const foreign = { ...plan, flavour: 'citus' };
        const folded = fold(documentsOf({ ...parts, plan: foreign }));
        expect(folded).toMatchObject({
          status: 'damaged',
          problemsTotal: 1,
          problems: [
            {
              code: 'documents-disagree',
              object: formatKey({ kind: 'plan', timestamp: plan.timestamp }),
              message:
                'flavour "citus" is unknown: this version of Stowage knows shards and greenplum. Use the version that wrote the set',
            },
          ],
        });
      }),
    );
  });

  test('when it was read from the key of another set', () => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        const all = documentsOf(parts);
        const key = formatKey({ kind: 'plan', timestamp: '20260131120001' });
        expect(fold({ ...all, plan: { ...all.plan, key } }).status).toBe('damaged');
      }),
    );
  });
});
