import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, encode } from '../../base/document.ts';
import { PHASES } from '../../base/keys.ts';
import {
  Order,
  type OrderOf,
  RestorePlan,
  RestoreRequest,
} from '../../documents/restore/restore.ts';
import { mappedCase } from '../../testing/mapped.ts';
import {
  allCounted,
  allDone,
  foldRestore,
  ordersFor,
  planOf,
  type RestoreCase,
  restoreReceiptDocument,
} from '../../testing/restores.ts';
import { sourcesOf, targetOf } from './map.ts';
import { isReferenceOf } from './volumes.ts';

const dataOrders = (restore: RestoreCase) => ordersFor('data', restore) as OrderOf<'data'>[];

/** Each extent that must be loaded, as the target with relation, key and offset. */
function wanted({ manifest, parts, request }: RestoreCase): string[] {
  const isReference = isReferenceOf(request);
  return parts
    .flatMap(({ content, packs }) => {
      const target = targetOf(request, content);
      const isFirst = sourcesOf(request, target)[0] === content;
      return packs.flatMap(({ key, extents }) =>
        extents.flatMap(({ relation, offset }) => {
          const named = manifest.relations[relation];
          if (named === undefined || (isReference(named) && !isFirst)) return [];
          return [JSON.stringify([target, relation, key, offset])];
        }),
      );
    })
    .sort();
}

describe('every extent of a mapped set', () => {
  test('is in exactly one data order, and those of a reference once per server', () => {
    fc.assert(
      fc.property(mappedCase, (restore) => {
        const ordered = dataOrders(restore).flatMap(({ content, relations }) =>
          relations.flatMap(({ id, extents }) =>
            extents.map(({ key, offset }) => JSON.stringify([content, id, key, offset])),
          ),
        );
        expect(ordered.sort()).toEqual(wanted(restore));
      }),
    );
  });

  test('is in exactly one verify order when it is loaded', () => {
    fc.assert(
      fc.property(mappedCase, (restore) => {
        const ids = new Map(
          restore.manifest.relations.map(({ id, ...name }) => [nameOf(name), id] as const),
        );
        const verified = ordersFor('verify', restore).flatMap((order) =>
          (order as OrderOf<'verify'>).objects.flatMap(({ key, extents = [] }) =>
            extents.map(({ relation, offset }) =>
              JSON.stringify([order.content, ids.get(nameOf(relation)), key, offset]),
            ),
          ),
        );
        expect(verified.sort()).toEqual(wanted(restore));
      }),
    );
  });
});

describe('an order of a mapped restore', () => {
  test('has the rows and bytes of its extents', () => {
    fc.assert(
      fc.property(mappedCase, (restore) => {
        for (const { relations } of dataOrders(restore))
          for (const { rows, bytes, extents } of relations) {
            expect(extents.reduce((sum, extent) => sum + extent.rows, 0)).toBe(rows);
            expect(extents.reduce((sum, extent) => sum + extent.bytes, 0)).toBe(bytes);
          }
      }),
    );
  });

  test('is readable and the same each time, one for each content of the target', () => {
    fc.assert(
      fc.property(mappedCase, fc.constantFrom(...PHASES), (restore, phase) => {
        const orders = ordersFor(phase, restore);
        const targets = restore.request.map.map(({ to }) => to).sort((a, b) => a - b);
        expect(orders.map(({ content }) => content)).toEqual(targets);
        const bytes = orders.map((order) => encode(Order, order));
        expect(ordersFor(phase, restore).map((order) => encode(Order, order))).toEqual(bytes);
        expect(bytes.map((each) => decode(Order, { key: 'k', bytes: each }))).toEqual(orders);
      }),
    );
  });

  test('takes definitions of the first content of its rule, and sequences and large objects of all', () => {
    fc.assert(
      fc.property(mappedCase, (restore) => {
        const { request, parts } = restore;
        const keysOf = (contents: readonly number[], file: string) =>
          contents.flatMap(
            (content) =>
              parts
                .find((part) => part.content === content)
                ?.metadata.filter((stored) => stored.file === file)
                .map(({ key }) => key) ?? [],
          );
        const data = dataOrders(restore);
        const post = ordersFor('post-data', restore) as OrderOf<'post-data'>[];
        for (const [at, order] of (
          ordersFor('pre-data', restore) as OrderOf<'pre-data'>[]
        ).entries()) {
          const from = sourcesOf(request, order.content);
          const first = from.slice(0, 1);
          const made = request.mode === 'create';
          expect([order.schema?.key].filter(Boolean)).toEqual(
            made ? keysOf(first, 'schema.dump') : [],
          );
          const { largeObjects, moreLargeObjects = [], sources } = data[at] ?? {};
          expect([largeObjects, ...moreLargeObjects].flatMap((one) => one?.key ?? [])).toEqual(
            made ? keysOf(from, 'large-objects.dump') : [],
          );
          expect(sources).toEqual(from.length > 1 ? from : undefined);
          const { sequences, moreSequences = [] } = post[at] ?? {};
          if (sequences !== undefined)
            expect([sequences, ...moreSequences].map(({ key }) => key)).toEqual(
              keysOf(from, 'sequences.sql.zst'),
            );
        }
      }),
    );
  });
});

test('a mapped restore is planned with the sums of its orders, and its receipts make it restored', () => {
  fc.assert(
    fc.property(mappedCase, ({ manifest, parts, request }) => {
      const restore = { manifest, parts, request: { ...request, count: true } };
      const plan = planOf(restore);
      expect(plan).toMatchObject({ load: 'mapped', map: request.map });
      for (const { content, relations, rows } of dataOrders(restore).map((order) => ({
        content: order.content,
        relations: order.relations.length,
        rows: order.relations.reduce((sum, one) => sum + one.rows, 0),
      })))
        expect(plan.contents.find((one) => one.content === content)).toMatchObject({
          relations,
          rows,
        });
      const receipts = allDone(restore).map(restoreReceiptDocument);
      const ended = foldRestore(plan, receipts, allCounted(plan));
      expect(ended).toMatchObject({
        kind: 'ended',
        outcome: { status: 'restored', counted: true },
      });
      const again = { key: 'k', bytes: encode(RestorePlan, plan) };
      expect(decode(RestorePlan, again)).toEqual(plan);
      const asked = { key: 'k', bytes: encode(RestoreRequest, restore.request) };
      expect(decode(RestoreRequest, asked)).toEqual(restore.request);
    }),
  );
});

const nameOf = ({ schema, name }: { schema: string; name: string }) =>
  JSON.stringify([schema, name]);
